"""Rounds over the customers: who entered a state, and whose moment is near.

What features and scores say of a customer changes with the calendar too, without any event. So
everybody is looked at in turn, and what is kept is who is in which state and when each moment's
timer falls due.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, insert, select

from retain.clock import MICROSECONDS_PER_DAY
from retain.columns import Columns
from retain.database import in_parts, reading, upsert, writing
from retain.triggers import timers
from retain.triggers.declaration import DAYS_UNTIL, Situation, Triggers
from retain.triggers.firings import ALONE, fire
from retain.triggers.happenings import Owners, any_since
from retain.triggers.judging import fired_of
from retain.triggers.situations import rested
from retain.triggers.tables import marks, states
from retain.triggers.timers import Timer

AHEAD = timedelta(days=2)
"""Timers are set for moments so near; the next rounds see to the others."""
_SLACK = timedelta(minutes=1)
_MOVED = timedelta(minutes=10)


@dataclass(slots=True)
class _Changes:
    """What a slice of a round comes to."""

    entered: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    fires: list[Timer] = field(default_factory=list)
    put: list[Timer] = field(default_factory=list)
    cancel: list[Timer] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.entered, self.left, self.fires, self.put, self.cancel))


class Rounds:
    """Judges customers by what is known of them now, a slice at a time."""

    def __init__(self, engine: Engine, triggers: Triggers) -> None:
        self._engine = engine
        found = triggers.situations.values()
        self._states = {name_of(one): one for one in found if one.becomes is not None}
        self._moments = [one for one in found if one.trigger.before is not None]

    def __bool__(self) -> bool:
        """Whether any trigger needs them."""
        return bool(self._states or self._moments)

    def take(self, customer_ids: Sequence[str], columns: Columns, now: int) -> int:
        """Judge surviving customers by their ``columns`` at ``now``; returns how many fired.

        Raises:
            StoreUnavailable: nothing of it happened; the next round makes up for it.
        """
        with reading(self._engine) as connection:
            if not self._changes(connection, customer_ids, columns, now):
                return 0
        with writing(self._engine, alone=ALONE) as connection:
            changes = self._changes(connection, customer_ids, columns, now)
            for name, ids in changes.entered.items():
                rows = [{"name": name, "customer_id": one} for one in ids]
                connection.execute(insert(states), rows)
            for name, ids in changes.left.items():
                for some in in_parts(ids):
                    these = (states.c.name == name) & states.c.customer_id.in_(some)
                    connection.execute(delete(states).where(these))
            timers.put(connection, changes.put)
            timers.cancel(connection, changes.cancel)
            return sum(fire(connection, one, one.due_at, now) for one in changes.fires)

    def complete(self) -> None:
        """Everybody was looked at: from now on who enters a state was outside of it before."""
        with writing(self._engine, alone=ALONE) as connection:
            for name in self._states:
                mark = {"name": _mark(name), "seq": 1}
                connection.execute(upsert(connection, marks).values(mark).on_conflict_do_nothing())

    def _changes(
        self, connection: Connection, customer_ids: Sequence[str], columns: Columns, now: int
    ) -> _Changes:
        found = _Changes()
        owners = Owners.among(connection, customer_ids)
        fired = fired_of(connection, owners)
        for name, situation in self._states.items():
            self._crossed(connection, (name, situation), customer_ids, columns, found)
            if _is_marked(connection, name):
                found.fires += [
                    Timer(situation.id, one, now, now, now)
                    for one in found.entered.get(name, ())
                    if rested(situation.trigger, fired.get(one, {}).get(situation.id), now)
                ]
        held = timers.of_customers(connection, customer_ids) if self._moments else {}
        for situation in self._moments:
            wanted = _near(situation, customer_ids, columns, now)
            for one in customer_ids:
                timer, due = held.get((situation.id, one)), wanted.get(one)
                last = fired.get(one, {}).get(situation.id)
                if due is not None and last is not None:
                    again = rested(situation.trigger, last, now)
                    own = owners.alone(one)
                    due = (
                        due if again and any_since(connection, own, situation.goals, last) else None
                    )
                if due is None and timer is not None:
                    found.cancel.append(timer)
                elif due is not None and (timer is None or _has_moved(timer, due)):
                    found.put.append(due)
        return found

    def _crossed(
        self,
        connection: Connection,
        state: tuple[str, Situation],
        customer_ids: Sequence[str],
        columns: Columns,
        found: _Changes,
    ) -> None:
        name, situation = state
        inside, outside = _inside(situation, columns, len(customer_ids))
        held: set[str] = set()
        for ids in in_parts(customer_ids):
            query = select(states.c.customer_id).where(
                states.c.name == name, states.c.customer_id.in_(ids)
            )
            held.update(connection.scalars(query))
        told = list(zip(customer_ids, inside.tolist(), outside.tolist(), strict=True))
        entered = [one for one, there, _ in told if there and one not in held]
        left = [one for one, _, gone in told if gone and one in held]
        if entered:
            found.entered[name] = entered
        if left:
            found.left[name] = left


def name_of(situation: Situation) -> str:
    """The state's name: another one where its rules are others, so that it is learned anew."""
    rules = f"{situation.trigger.becomes}|{situation.trigger.rearms}"
    return f"{situation.id}@{hashlib.blake2b(rules.encode(), digest_size=6).hexdigest()}"


def is_near(situation: Situation, columns: Columns) -> bool:
    """Whether the moment of the one customer in ``columns`` is about as near as declared."""
    trigger = situation.trigger
    if trigger.before is None or trigger.lead is None:
        return True
    days = float(np.asarray(columns[DAYS_UNTIL[trigger.before]], dtype=np.float64)[0])
    return 0 <= days <= trigger.lead / timedelta(days=1) * 1.25 + 0.05


def _inside(
    situation: Situation, columns: Columns, rows: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    assert situation.becomes is not None  # noqa: S101 - chosen by it
    inside = situation.becomes.evaluate(columns, rows)
    if situation.when is not None:
        inside &= situation.when.evaluate(columns, rows)
    outside = ~inside if situation.rearms is None else situation.rearms.evaluate(columns, rows)
    return inside, outside & ~inside


def _near(
    situation: Situation, customer_ids: Sequence[str], columns: Columns, now: int
) -> dict[str, Timer]:
    """A timer for each customer whose moment is ahead and whose lead begins soon."""
    trigger = situation.trigger
    assert trigger.before is not None  # noqa: S101 - chosen by it
    assert trigger.lead is not None  # noqa: S101 - declared with it
    days: NDArray[Any] = np.asarray(columns[DAYS_UNTIL[trigger.before]], dtype=np.float64)
    lead = trigger.lead / timedelta(days=1)
    soon = (days > 0) & (days - lead <= AHEAD / timedelta(days=1))
    if situation.when is not None:
        soon &= situation.when.evaluate(columns, len(customer_ids))
    found = {}
    for row in np.flatnonzero(soon).tolist():
        # to the second: the same moment of two looks is the same
        moment = round((now + days[row] * MICROSECONDS_PER_DAY) / 1e6) * 1_000_000
        due = moment - int(lead * MICROSECONDS_PER_DAY)
        known = now - _SLACK // timedelta(microseconds=1)
        # a moment that was near already when it was first seen is no firing that came too late
        found[customer_ids[row]] = Timer(
            situation.id, customer_ids[row], moment, known, max(due, now)
        )
    return found


def _has_moved(timer: Timer, due: Timer) -> bool:
    # predictions move a little at every look
    return abs(timer.anchor - due.anchor) > _MOVED // timedelta(microseconds=1)


def _mark(name: str) -> str:
    return f"round:{name}"


def _is_marked(connection: Connection, name: str) -> bool:
    query = select(marks.c.seq).where(marks.c.name == _mark(name))
    return connection.scalar(query) is not None
