"""Judging customers by their whole history: timers set, moved and cancelled, situations fired."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from retain.identity import Member
from retain.identity_links import CUSTOMER
from retain.triggers import timers
from retain.triggers.declaration import Situation
from retain.triggers.firings import fire, last_fired
from retain.triggers.happenings import Owners, happenings, last_before
from retain.triggers.situations import Happening, History, armed, last_end, too_late
from retain.triggers.timers import Timer
from retain.triggers.withdrawal import end_over, pending_since, withdraw

Told = dict[str, list[Happening]]
Fired = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Judge:
    """Looks at customers and all their events of the last while, whatever made it look."""

    situations: Mapping[str, Situation]

    @property
    def _read(self) -> frozenset[str]:
        """The types whose properties some condition reads."""
        found = (one.starts for one in self.situations.values() if one.where is not None)
        return frozenset().union(*found)

    @property
    def window(self) -> timedelta:
        """How old an event may be and still start something."""
        return max((_span(one) for one in self.situations.values()), default=timedelta())

    def judge(self, connection: Connection, owners: Owners, now: int) -> int:
        """Bring timers up to the log, fire what is due, withdraw what a goal ended.

        Returns:
            how many situations fired.
        """
        ids = owners.of_kind(CUSTOMER)
        told = self._withdrawn(connection, owners, now)
        histories = self._histories(connection, owners, told, now)
        held = timers.of_customers(connection, ids)
        wanted: list[Timer] = []
        fired = 0
        for customer_id in owners.survivors:
            history = histories[customer_id]
            for situation in self.situations.values():
                if situation.trigger.before is not None:
                    timer = held.get((situation.id, customer_id))
                    wanted += _still_ahead(situation, timer, history)
                    continue
                found = armed(situation, history)
                if found is None or too_late(situation.trigger, found.due_at, now):
                    continue
                anchor = found.anchor
                due = Timer(situation.id, customer_id, anchor, anchor, found.due_at)
                if found.due_at > now:
                    wanted.append(due)
                else:
                    fired += fire(connection, due, found.known_at, now)
        keep = {(one.trigger_id, one.customer_id): one for one in wanted}
        timers.put(connection, (one for key, one in keep.items() if held.get(key) != one))
        timers.cancel(connection, (one for key, one in held.items() if key not in keep))
        return fired

    def fire_due(self, connection: Connection, now: int, limit: int) -> int:
        """Fire what is due, where its situation is still on; returns how many did."""
        ripe = timers.due(connection, now, limit)
        if not ripe:
            return 0
        owners = Owners.among(connection, {one.customer_id for one in ripe})
        fired = self.judge(connection, owners, now)
        left = timers.of_customers(connection, {one.customer_id for one in ripe})
        ahead = [one for one in left.values() if one.due_at <= now]
        for one in ahead:
            situation = self.situations.get(one.trigger_id)
            if situation is not None and not too_late(situation.trigger, one.due_at, now):
                fired += fire(connection, one, one.due_at, now)
        timers.cancel(connection, ahead)
        return fired

    def _withdrawn(self, connection: Connection, owners: Owners, now: int) -> Told:
        """The events of these customers, after what their goals ended was withdrawn."""
        since = now - self.window // timedelta(microseconds=1)
        types = {kind for one in self.situations.values() for kind in one.starts | one.ends}
        told = happenings(connection, owners, types, since, self._read)
        pending = pending_since(connection, owners.of_kind(CUSTOMER))
        if not pending:
            return told
        # what waits for long may have been ended by a goal from before that
        oldest = min(since for held in pending.values() for since in held.values())
        if oldest <= since:
            ends = {kind for one in self.situations.values() for kind in one.ends}
            for who, earlier in happenings(connection, owners, ends, oldest - 1).items():
                told.setdefault(who, []).extend(one for one in earlier if one.ts <= since)
        for trigger_id, held in pending.items():
            situation = self.situations.get(trigger_id)
            if situation is None:
                continue
            for one, begun in held.items():
                who = owners.members[Member(CUSTOMER, one)]
                end = last_end(situation, told.get(who, ()))
                if end >= begun:
                    withdraw(connection, trigger_id, [one], end)
        end_over(connection, now)
        return told

    def _histories(
        self, connection: Connection, owners: Owners, told: Told, now: int
    ) -> dict[str, History]:
        since = now - self.window // timedelta(microseconds=1)
        before: Fired = {}
        for one in self.situations.values():
            if one.trigger.absent is not None:
                for who, ts in last_before(connection, owners, one.starts, since).items():
                    before.setdefault(who, {})[one.id] = ts
        fired = fired_of(connection, owners)
        return {
            who: History(told.get(who, ()), before.get(who, {}), fired.get(who, {}))
            for who in owners.survivors
        }


def fired_of(connection: Connection, owners: Owners) -> Fired:
    """Per surviving customer and trigger, when it last fired, under whichever of their ids."""
    owner = {one: who for who in owners.survivors for one in owners.ids(who)}
    found: Fired = {}
    for one, by_trigger in last_fired(connection, owners.of_kind(CUSTOMER)).items():
        held = found.setdefault(owner[one], {})
        for trigger_id, at in by_trigger.items():
            held[trigger_id] = max(at, held.get(trigger_id, at))
    return found


def _still_ahead(situation: Situation, timer: Timer | None, history: History) -> Collection[Timer]:
    """The timer before a moment, unless a goal came to be known after it was computed."""
    if timer is None:
        return ()
    known = (one.received_at for one in history.happenings if one.type in situation.ends)
    return () if max(known, default=0) >= timer.since else (timer,)


def _span(one: Situation) -> timedelta:
    trigger = one.trigger
    return (trigger.within or timedelta()) + trigger.after + trigger.lateness
