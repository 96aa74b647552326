"""Firings: each situation once, from its firing until a decision is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select, update

from retain import ulid
from retain.clock import from_micros, to_micros
from retain.database import in_parts, reading, upsert, writing
from retain.triggers import timers
from retain.triggers.tables import FAILED, FIRED, UNHEARD, firings
from retain.triggers.timers import Timer

ALONE = "triggers"
"""What changes firings, timers and deliveries does so one at a time."""
MOST_ATTEMPTS = 5


class Firing(NamedTuple):
    """A situation that fired and waits for its decision; times are epoch microseconds."""

    firing_id: str
    trigger_id: str
    customer_id: str
    anchor: int
    since: int
    known_at: int
    fired_at: int
    attempts: int

    @property
    def key(self) -> str:
        """The idempotency key of its decision, which is counted by customer."""
        return f"trigger:{self.trigger_id}:{self.firing_id}"


_COLUMNS = tuple(firings.c[name] for name in Firing._fields)


def fire(connection: Connection, due: Timer, known_at: int, now: int) -> bool:
    """Note that a situation fires; False where this one has before.

    Args:
        connection: a write transaction.
        due: what falls due.
        known_at: since when it could be known; the time to delivery is measured from it.
        now: the moment, in epoch microseconds.
    """
    statement = upsert(connection, firings).values(
        firing_id=ulid.new(from_micros(now)),
        trigger_id=due.trigger_id,
        customer_id=due.customer_id,
        anchor=due.anchor,
        since=due.since,
        known_at=known_at,
        fired_at=now,
        state=FIRED,
        attempts=0,
        next_at=now,
    )
    key = ["trigger_id", "customer_id", "anchor"]
    new = statement.on_conflict_do_nothing(index_elements=key).returning(firings.c.firing_id)
    return connection.execute(new).first() is not None


def last_fired(connection: Connection, customer_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per customer's id and trigger, when it last fired so that somebody heard of it."""
    found: dict[str, dict[str, int]] = {}
    for ids in in_parts(customer_ids):
        query = (
            select(firings.c.customer_id, firings.c.trigger_id, func.max(firings.c.fired_at))
            .where(firings.c.customer_id.in_(ids), firings.c.state.not_in(UNHEARD))
            .group_by(firings.c.customer_id, firings.c.trigger_id)
        )
        for customer_id, trigger_id, at in connection.execute(query):
            found.setdefault(customer_id, {})[trigger_id] = at
    return found


def settle(
    connection: Connection, firing_id: str, state: str, *, why: str | None = None, **told: str
) -> bool:
    """Give a firing that waits its end; False where it has one already."""
    done = connection.execute(
        update(firings)
        .where(firings.c.firing_id == firing_id, firings.c.state == FIRED)
        .values(state=state, why=why, **told)
    )
    return done.rowcount > 0


@dataclass(frozen=True, slots=True)
class Firings:
    """The firings that wait for a decision."""

    engine: Engine

    def waiting(self, now: datetime, limit: int) -> list[Firing]:
        """Those whose turn it is, longest waiting first."""
        query = (
            select(*_COLUMNS)
            .where(firings.c.state == FIRED, firings.c.next_at <= to_micros(now))
            .order_by(firings.c.next_at, firings.c.firing_id)
            .limit(limit)
        )
        with reading(self.engine) as connection:
            return [Firing(*row) for row in connection.execute(query)]

    def end(self, firing: Firing, state: str, now: datetime, why: str) -> None:
        """It leads to no delivery, and nobody has heard of it."""
        with writing(self.engine, alone=ALONE) as connection:
            settle(connection, firing.firing_id, state, why=why)
            timers.judge_again(connection, [firing.customer_id], to_micros(now))

    def again(self, firing: Firing, at: datetime, why: str) -> bool:
        """Try again then; False where it was tried too often and has failed."""
        attempts = firing.attempts + 1
        failed = attempts >= MOST_ATTEMPTS
        with writing(self.engine, alone=ALONE) as connection:
            connection.execute(
                update(firings)
                .where(firings.c.firing_id == firing.firing_id, firings.c.state == FIRED)
                .values(
                    attempts=attempts,
                    next_at=to_micros(at),
                    why=why[:500],
                    state=FAILED if failed else FIRED,
                )
            )
        return not failed
