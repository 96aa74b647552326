"""The watch over the event log: reads it from where it stopped, and has whom it names judged.

How far the log was read, the timers and what fired are one transaction: after a crash at any
point the same events are read again and lead to the same, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from retain.clock import Clock, to_micros
from retain.database import reading, upsert, writing
from retain.identity_links import LINK_TYPES
from retain.logged import events, last_seq_in
from retain.triggers import timers
from retain.triggers.declaration import Triggers
from retain.triggers.firings import ALONE
from retain.triggers.happenings import customers_named, owners_named
from retain.triggers.judging import Judge
from retain.triggers.tables import marks

POSITION = "events"
READ_AT_ONCE = 2_000
DUE_AT_ONCE = 100
"""Little, because on SQLite whoever stores events waits for it."""
UNKEPT = 20_000
"""So many events that concern no trigger are read before the position is written again."""
LOOK_BACK = timedelta(days=35)
"""How much older than its arrival an event may be and still reach a goal."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: how many fired, whether the log was read to its end."""

    fired: int = 0
    caught_up: bool = True


class Watch:
    """Reads the log behind its writers; one of several processes is at work at a time.

    Where two are for a moment, because one lost its turn without noticing, they do the same
    work twice and nothing happens twice.
    """

    def __init__(self, engine: Engine, triggers: Triggers, clock: Clock) -> None:
        self._engine = engine
        self._judge = Judge(triggers.situations)
        self._ids = list(triggers.situations)
        self._clock = clock
        self._types = set(LINK_TYPES)
        for one in triggers.situations.values():
            self._types |= one.starts | one.ends
        self._reach = (self._judge.window + LOOK_BACK) // timedelta(microseconds=1)
        self._seen = 0

    def begin(self) -> None:
        """Start at the end of the log, where no watch ever was; forget what is not declared.

        Raises:
            StoreUnavailable: the database did not answer.
        """
        with writing(self._engine, alone=ALONE) as connection:
            start = {"name": POSITION, "seq": last_seq_in(connection)}
            connection.execute(upsert(connection, marks).values(start).on_conflict_do_nothing())
            timers.keep_only(connection, self._ids)

    def look(self) -> Looked:
        """Read what is new in the log, and fire what is due.

        Raises:
            StoreUnavailable: nothing of it happened; call again.
        """
        now = to_micros(self._clock())
        with reading(self._engine) as connection:
            position, last = _position(connection), last_seq_in(connection)
            start = max(position, self._seen)
            upto = min(last, start + READ_AT_ONCE)
            due = timers.next_due(connection)
            idle = (due is None or due > now) and not self._new(connection, start, upto, now)
        if idle and upto < position + UNKEPT:
            # nothing to commit: after a restart these events are read again, for nothing
            self._seen = upto
            return Looked(caught_up=upto == last)
        with writing(self._engine, alone=ALONE) as connection:
            start, last = max(_position(connection), self._seen), last_seq_in(connection)
            upto = min(last, start + READ_AT_ONCE)
            fired = 0
            if rows := self._new(connection, start, upto, now):
                named = customers_named(rows)
                fired += self._judge.judge(connection, owners_named(connection, *named), now)
            # a goal may stand further on in the log
            if upto == last:
                fired += self._judge.fire_due(connection, now, DUE_AT_ONCE)
            moved = upsert(connection, marks).values(name=POSITION, seq=upto)
            key = ["name"]
            connection.execute(moved.on_conflict_do_update(index_elements=key, set_={"seq": upto}))
        self._seen = upto
        return Looked(fired, upto == last)

    def next_due(self) -> int | None:
        """When the next timer falls due, in epoch microseconds."""
        with reading(self._engine) as connection:
            return timers.next_due(connection)

    def _new(self, connection: Connection, start: int, upto: int, now: int) -> Sequence[Any]:
        """Type, ids and properties of the events in (start, upto] that may concern a trigger."""
        if start >= upto:
            return ()
        names = ("type", "customer_id", "anonymous_id", "properties")
        recent = (events.c.ts > now - self._reach) | events.c.type.in_(LINK_TYPES)
        query = select(*(events.c[name] for name in names)).where(
            events.c.seq > start,
            events.c.seq <= upto,
            events.c.type.in_(sorted(self._types)),
            recent,
        )
        return connection.execute(query).all()


def _position(connection: Connection) -> int:
    return int(connection.scalar(select(marks.c.seq).where(marks.c.name == POSITION)) or 0)
