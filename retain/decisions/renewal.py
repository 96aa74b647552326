"""Renewal: a contact that was given back is reserved again, where nothing forbids it by now."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from retain.clock import parse_utc
from retain.decisions import contacts, spending
from retain.decisions.budgets import BUDGET
from retain.decisions.caps import Limiter
from retain.decisions.feedback import feedback
from retain.decisions.receipt import Receipt
from retain.decisions.state import ContactState, is_released
from retain.errors import Conflict


def renew(
    connection: Connection, receipt: Receipt, given_back_by: str, limiter: Limiter, now: datetime
) -> None:
    """Count the first action of ``receipt`` again, as if it had never been given back.

    Args:
        connection: a write transaction alone with the customer, to be undone on any error.
        receipt: of a decision that was reserved.
        given_back_by: the feedback that said ``not_sent``; it is taken back, so that it can be
            told again.
        limiter: what the catalogue declares now.
        now: the moment.

    Raises:
        Conflict: a limit forbids the action now, or others say too that it was not sent.
    """
    chosen, customer_id = receipt["actions"][0], receipt["customer_id"]
    pair = receipt["decision_id"], chosen["action_id"]
    action = limiter.catalogue.by_id.get(chosen["action_id"])
    if action is None:
        raise _refused(receipt, f"the catalogue has no action {chosen['action_id']} any more")
    of_pair = (feedback.c.decision_id == pair[0], feedback.c.action_id == pair[1])
    connection.execute(delete(feedback).where(*of_pair, feedback.c.feedback_id == given_back_by))
    told = connection.scalars(select(feedback.c.outcome).where(*of_pair)).all()
    if is_released(told):
        raise _refused(receipt, "feedback says that it was not sent")
    at = max(parse_utc(chosen["send_at"], field="send_at"), now)
    state = contacts.states(connection, [customer_id], now, limiter).get(customer_id)
    limits = limiter.of(customer_id, (receipt.get("caps") or {}).get("own_limit_per_week"))
    why = limits.forbid(action, state or ContactState(), now, lambda _: at)
    if why is None and not spending.reclaim(connection, *pair, limiter.budgets.declared):
        why = BUDGET
    if why is not None:
        raise _refused(receipt, f"{chosen['action_id']} is forbidden by now: {why}")
    contacts.renew(connection, *pair, at)


def _refused(receipt: Receipt, why: str) -> Conflict:
    return Conflict(
        f"decision {receipt['decision_id']} cannot be carried out any more: {why}",
        remedy="have a new one made: POST /rank",
    )
