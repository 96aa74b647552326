"""Whether a customer's events make a situation, and when it falls due: pure, in event time.

Everything is said about the whole history that is known, so that the order in which events
arrive cannot matter. A situation begins after the last one of its kind ended: at its goal, or
when it fired and its cool-down was over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from retain.rules import Rule
from retain.triggers.declaration import Situation, Trigger

NEVER = 0


class Happening(NamedTuple):
    """An event as triggers see it; times are epoch microseconds."""

    ts: int
    received_at: int
    type: str
    channel: str | None = None
    properties: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one customer, under all their ids.

    Attributes:
        happenings: the events of the last while, in any order.
        before: per trigger that looks for an absence, the last of its events before those.
        fired: per trigger, when it last fired.
    """

    happenings: Sequence[Happening] = ()
    before: Mapping[str, int] = field(default_factory=dict)
    fired: Mapping[str, int] = field(default_factory=dict)


class Armed(NamedTuple):
    """A situation that is on.

    Attributes:
        anchor: the time of the event it rests on (of a moment ahead: that moment).
        due_at: when it fires, if nothing comes in between.
        known_at: since when it could be known that it would: what waiting is measured from.
    """

    anchor: int
    due_at: int
    known_at: int


def armed(situation: Situation, history: History) -> Armed | None:
    """The situation of this kind that ``history`` leads to, if there is one."""
    trigger = situation.trigger
    ended = max(
        _rested(trigger, history.fired.get(trigger.id)), last_end(situation, history.happenings)
    )
    counted = _counted(situation, history.happenings)
    starts = sorted(one for one in counted if one.ts > ended)
    if not starts:
        return None
    if trigger.absent is not None:
        returned = _returned(trigger, sorted(counted), history.before.get(trigger.id))
        starts = [one for one in starts if one.ts in returned]
        if not starts:
            return None
    last = starts[-1]
    if trigger.within is not None:
        within = _micros(trigger.within)
        starts = [one for one in starts if one.ts > last.ts - within]
    if len(starts) < trigger.times:
        return None
    due = last.ts + _micros(trigger.after)
    return Armed(last.ts, due, max(due, last.received_at))


def last_end(situation: Situation, happenings: Sequence[Happening]) -> int:
    """When the goal was last reached, or nobody was to be written to any more."""
    return max((one.ts for one in happenings if one.type in situation.ends), default=NEVER)


def too_late(trigger: Trigger, due_at: int, now: int) -> bool:
    """Whether what fell due then has lost its point by ``now``."""
    return now > due_at + _micros(trigger.lateness)


def rested(trigger: Trigger, fired_at: int | None, now: int) -> bool:
    """Whether the cool-down of the last firing is over."""
    return now > _rested(trigger, fired_at)


def _rested(trigger: Trigger, fired_at: int | None) -> int:
    return NEVER if fired_at is None else fired_at + _micros(trigger.cool_down)


def _returned(trigger: Trigger, counted: Sequence[Happening], before: int | None) -> set[int]:
    """The times at which somebody was back: so long after the event before."""
    absent = _micros(trigger.absent)
    times = [one.ts for one in counted]
    earlier = [before, *times[:-1]]
    return {
        at
        for last, at in zip(earlier, times, strict=True)
        if last is not None and at - last >= absent
    }


def _counted(situation: Situation, happenings: Sequence[Happening]) -> list[Happening]:
    found = [one for one in happenings if one.type in situation.starts]
    if situation.where is None or not found:
        return found
    held = situation.where.evaluate(_columns(situation.where, found), len(found))
    return [one for one, holds in zip(found, held.tolist(), strict=True) if holds]


def _columns(rule: Rule, happenings: Sequence[Happening]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in rule.columns:
        values = [
            getattr(one, name) if name in ("type", "channel") else one.properties.get(name)
            for one in happenings
        ]
        numbers = any(isinstance(value, int | float) for value in values)
        if numbers:
            columns[name] = np.array([np.nan if v is None else float(v) for v in values])
        elif any(value is not None for value in values):
            column = np.empty(len(values), dtype=object)
            column[:] = values
            columns[name] = column
    return columns


def _micros(span: timedelta | None) -> int:
    return 0 if span is None else span // timedelta(microseconds=1)
