"""Withdrawing: a reached goal ends what fired for it and was not delivered yet."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, update

from retain.database import in_parts
from retain.triggers.tables import (
    FIRED,
    PENDING,
    WITHDRAWN,
    deliveries,
    firings,
)

GOAL = "the goal was reached"


def pending_since(connection: Connection, customer_ids: Sequence[str]) -> dict[str, int]:
    """Of these customers' ids those with something pending, and from when on a goal ends it."""
    found: dict[str, int] = {}
    for table, state in ((firings, FIRED), (deliveries, PENDING)):
        for ids in in_parts(customer_ids):
            query = (
                select(table.c.customer_id, func.min(table.c.since))
                .where(table.c.customer_id.in_(ids), table.c.state == state)
                .group_by(table.c.customer_id)
            )
            for one, since in connection.execute(query):
                found[one] = min(since, found.get(one, since))
    return found


def withdraw(
    connection: Connection, trigger_id: str, customer_ids: Sequence[str], until: int, now: int
) -> None:
    """End what waits of this trigger and customer for a goal reached at ``until``.

    What is on its way at ``now`` cannot be called back: it is not tried again.
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
    end_over(connection, now)


def end_over(connection: Connection, now: int) -> int:
    """End what a goal ended and is not on its way any more; returns how many."""
    ended = (
        deliveries.c.over
        & (deliveries.c.state == PENDING)
        & ((deliveries.c.attempts == 0) | (deliveries.c.leased_until <= now))
    )
    these = select(deliveries.c.firing_id).where(ended)
    connection.execute(
        update(firings).where(firings.c.firing_id.in_(these)).values(state=WITHDRAWN, why=GOAL)
    )
    done = connection.execute(
        update(deliveries).where(ended).values(state=WITHDRAWN, why=GOAL, done_at=now)
    )
    return done.rowcount
