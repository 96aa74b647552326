"""Reservations: the contact of a decision counted, and its budgets claimed, in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from retain.clock import parse_utc
from retain.decisions import contacts, spending
from retain.decisions.actions import NONE, Action
from retain.decisions.ranking import Ranking
from retain.decisions.receipt import Receipt
from retain.decisions.spending import Cost, Facts
from retain.decisions.state import is_released, is_reported


def take(connection: Connection, receipt: Receipt, ranking: Ranking) -> bool:
    """Reserve the first action of ``receipt``; False, and nothing, where its budget is gone."""
    best = receipt["actions"][0]
    if best["action_id"] == NONE:
        return True
    action = ranking.catalogue.by_id[best["action_id"]]
    decision_id = receipt["decision_id"]
    expires_at = parse_utc(best["expires_at"], field="expires_at")
    budgets = ranking.limiter.budgets.of(action, ranking.now)
    if budgets:
        reporting = ranking.catalogue.config.reporting
        reports = action.channel in reporting.channels
        late = timedelta(hours=reporting.within_hours if reports else 0)
        cost = _cost(action, best["treatment"], best["terms"])
        held = (connection, decision_id, action.id, budgets, cost)
        if not spending.claim(*held, lapses_at=expires_at + late, silence_is_sent=not reports):
            return False
    contacts.plan(
        connection,
        decision_id,
        action.id,
        channel=action.channel,
        customer_id=receipt["customer_id"],
        at=parse_utc(best["send_at"], field="send_at"),
        made_at=ranking.now,
        expires_at=expires_at,
    )
    return True


def release(connection: Connection, decision_id: str, action_id: str, at: datetime) -> bool:
    """Take back a contact that will not be made; False where none was reserved."""
    known = contacts.settle(connection, decision_id, action_id, {"not_sent": at})
    if known is None:
        return False
    facts = Facts(
        reported=is_reported(known), released=is_released(known), bounced="bounced" in known
    )
    spending.correct(connection, {(decision_id, action_id): facts})
    return True


def lapse(connection: Connection, now: datetime) -> int:
    """Give budgets back what lapsed before ``now``; returns of how many claims."""

    def sent(pairs: Sequence[spending.Pair]) -> set[spending.Pair]:
        return contacts.sent(connection, pairs, now)

    return spending.lapse(connection, now, sent)


def _cost(action: Action, treatment: str, terms: dict[str, float | None]) -> Cost:
    given = next(each for each in action.treatments if each.name == treatment)
    return Cost(
        contact=action.contact_cost,
        redemption=terms["redemption_cost"] or 0.0,
        conversion=terms["conversion"] or 0.0,
        discount=given.discount,
        reward=given.reward,
    )
