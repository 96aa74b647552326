"""Withdrawing: a reached goal ends what fired for it and was not delivered yet."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, select, update

from retain.database import in_parts
from retain.decisions import suppressions
from retain.decisions.messages import OUTCOMES
from retain.identity_links import CUSTOMER
from retain.triggers import timers
from retain.triggers.happenings import Owners, any_since
from retain.triggers.tables import (
    FIRED,
    PENDING,
    WITHDRAWN,
    deliveries,
    firings,
)

GOAL = "the goal was reached"


def ended_since(connection: Connection, owners: Owners, ends: Collection[str], since: int) -> bool:
    """Whether an event of the types ``ends`` came at ``since`` or later, or feedback like it.

    ``POST /feedback`` tells that somebody unsubscribed or complained as well as an event does.
    """
    if any_since(connection, owners, ends, since):
        return True
    told = suppressions.told_since(connection, owners.of_kind(CUSTOMER), since)
    return any(OUTCOMES.get(kind) in told for kind in ends)


def pending_since(connection: Connection, customer_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per trigger and customer's id with something pending, from when on a goal ends it."""
    found: dict[str, dict[str, int]] = {}
    for table, state in ((firings, FIRED), (deliveries, PENDING)):
        for ids in in_parts(customer_ids):
            query = (
                select(table.c.trigger_id, table.c.customer_id, func.min(table.c.since))
                .where(table.c.customer_id.in_(ids), table.c.state == state)
                .group_by(table.c.trigger_id, table.c.customer_id)
            )
            for trigger_id, one, since in connection.execute(query):
                held = found.setdefault(trigger_id, {})
                held[one] = min(since, held.get(one, since))
    return found


def withdraw(
    connection: Connection, trigger_id: str, customer_ids: Sequence[str], until: int
) -> None:
    """End what waits of this trigger and customer for a goal reached at ``until``.

    Deliveries are only marked; :func:`end_over` ends those that are not on their way.
    """
    for ids in in_parts(customer_ids):
        undecided = (
            (firings.c.trigger_id == trigger_id)
            & firings.c.customer_id.in_(ids)
            & (firings.c.state == FIRED)
            & (firings.c.since <= until)
        )
        connection.execute(update(firings).where(undecided).values(state=WITHDRAWN, why=GOAL))
        waits = (
            (deliveries.c.trigger_id == trigger_id)
            & deliveries.c.customer_id.in_(ids)
            & (deliveries.c.state == PENDING)
            & (deliveries.c.since <= until)
        )
        connection.execute(update(deliveries).where(waits).values(over=True))


def end_over(connection: Connection, now: int) -> int:
    """End what a goal ended and is not on its way any more; returns how many."""
    ended = (
        deliveries.c.over
        & (deliveries.c.state == PENDING)
        & ((deliveries.c.attempts == 0) | (deliveries.c.leased_until <= now))
    )
    columns = deliveries.c.delivery_id, deliveries.c.firing_id, deliveries.c.customer_id
    rows = connection.execute(select(*columns).where(ended)).all()
    for some in in_parts(rows):
        these = firings.c.firing_id.in_([one.firing_id for one in some])
        connection.execute(update(firings).where(these).values(state=WITHDRAWN, why=GOAL))
        these = deliveries.c.delivery_id.in_([one.delivery_id for one in some])
        gone = {"state": WITHDRAWN, "why": GOAL, "done_at": now}
        connection.execute(update(deliveries).where(these).values(gone))
    timers.judge_again(connection, (one.customer_id for one in rows), now)
    return len(rows)
