"""Occasions: holidays, promotions and closures of the calendar, which move from year to year.

Last year's level of the same days holds only as far as the same occasions fall on them. What a
day of each kind is worth is measured on the shop's own record, as the orders and the net revenue
of such days over those of ordinary days nearby (the same weekday, up to four weeks away), shrunk
towards one where there were few. A window is then worth the mean of its days.

A calendar is taken to be complete, of each kind, from the first to the last day it names: before
it nobody wrote down, and behind it nobody has planned yet. There the kind is left as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retain.calendar import CalendarDay
from retain.clock import EPOCH, MICROSECONDS_PER_DAY, from_micros
from retain.predictors.trees import Floats
from training.trade import Mask, Trade

KINDS = ("holiday", "promotion", "closure")
YEAR = 365

Known = Callable[[date, date, datetime], Sequence[CalendarDay]]
"""``(first, last, known_at)`` to what was known then of these days, where it holds everywhere."""

Starts = float | NDArray[Any]

_FIRST, _LAST = date(1990, 1, 1), date(2199, 12, 31)
_NEARBY = np.array([-28, -21, -14, -7, 7, 14, 21, 28])
_SHRINKING_DAYS = 4.0
_SPARE = 14
_AHEAD = 2 * YEAR + _SPARE


def nothing_known(_first: date, _last: date, _known_at: datetime) -> tuple[CalendarDay, ...]:
    """An empty calendar."""
    return ()


class Worth(NamedTuple):
    """What something brings, as a factor of what ordinary days do."""

    orders: Any = 1.0
    net: Any = 1.0


@dataclass(frozen=True, slots=True)
class Occasions:
    """What was known of them at one moment; by default nothing.

    Attributes:
        worth: of a day of each kind, and on how many days of the record it was measured.
        first: of the days below, since the epoch.
        before, after: the worth of the days from ``first`` on (the record's own, and where it
            ends those of its last year again) and of the days a year later; orders and net
            revenue, summed up from zero, (days + 1, 2).
    """

    worth: Mapping[str, tuple[Worth, int]] = field(default_factory=dict)
    first: int = 0
    before: Floats | None = None
    after: Floats | None = None

    def last_year(self, start: Starts, days: float) -> Worth:
        """The worth of windows that begin at ``start``, epoch microseconds, (n,)."""
        return self._mean(self.before, start, days)

    def this_year(self, start: Starts, days: float) -> Worth:
        """The worth of the windows a year after those that begin at ``start``, (n,)."""
        return self._mean(self.after, start, days)

    def described(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            kind: {"days": days, "orders": worth.orders, "net": worth.net}
            for kind, (worth, days) in self.worth.items()
        }

    def _mean(self, summed: Floats | None, start: Starts, days: float) -> Worth:
        if summed is None:
            return Worth()
        at, grid = start / MICROSECONDS_PER_DAY - self.first, np.arange(len(summed))
        ends = [(np.interp(at, grid, one), np.interp(at + days, grid, one)) for one in summed.T]
        return Worth(*((right - left) / days for left, right in ends))


def read(known: Known, trade: Trade, moment: int) -> Occasions:
    """What was known at ``moment``, measured on a ``trade`` that ends there."""
    entries = [one for one in known(_FIRST, _LAST, from_micros(moment)) if one.kind in KINDS]
    first, today = trade.first // MICROSECONDS_PER_DAY, moment // MICROSECONDS_PER_DAY
    days = {kind: {_number(one.date) for one in entries if one.kind == kind} for kind in KINDS}
    marks = np.array(
        [[day in days[kind] for kind in KINDS] for day in range(first, today + _AHEAD)]
    )
    if not marks.any():
        return Occasions()
    worth = {
        kind: _measured(trade, marks[: today - first], column)
        for column, kind in enumerate(KINDS)
        if days[kind]
    }
    factors = np.array([worth[kind][0] if kind in worth else Worth() for kind in KINDS])
    lately = np.arange(max(first, today - 2 * YEAR), today + YEAR + _SPARE)
    # as the record is repeated where it ends: the days after it are those a year before
    source = lately - YEAR * np.maximum((lately - today) // YEAR + 1, 0)
    before, after = marks[source - first], marks[lately + YEAR - first]
    for column, kind in enumerate(KINDS):
        if days[kind]:
            told = (source >= min(days[kind])) & (lately + YEAR <= max(days[kind]))
            after[~told, column] = before[~told, column]
    return Occasions(worth, int(lately[0]), _summed(before, factors), _summed(after, factors))


def _measured(trade: Trade, marks: Mask, column: int) -> tuple[Worth, int]:
    """Of the kind of this column: days with another kind beside it tell nothing of either."""
    day = trade.moments // MICROSECONDS_PER_DAY - trade.first // MICROSECONDS_PER_DAY
    full = day < len(marks)
    of_kind = np.flatnonzero(marks[:, column] & (marks.sum(axis=1) == 1))
    nearby = of_kind[:, None] + _NEARBY
    ordinary = (nearby > 0) & (nearby < len(marks))
    ordinary &= ~marks[np.where(ordinary, nearby, 0)].any(axis=2)
    of_kind, nearby, ordinary = (part[ordinary.any(axis=1)] for part in (of_kind, nearby, ordinary))
    found = []
    for weight in (trade.is_order.astype(np.float64), trade.value):
        daily = np.bincount(day[full], weight[full], minlength=len(marks))
        around = np.where(ordinary, daily[np.where(ordinary, nearby, 0)], 0.0)
        expected = float((around.sum(axis=1) / np.maximum(ordinary.sum(axis=1), 1)).sum())
        times = max(float(daily[of_kind].sum()), 0.0) / expected if expected > 0 else 1.0
        kept = len(of_kind) / (len(of_kind) + _SHRINKING_DAYS)
        found.append(1.0 + kept * (times - 1.0))
    return Worth(*found), len(of_kind)


def _summed(marks: Mask, factors: Floats) -> Floats:
    """Worth by day, of days that may be of several kinds, summed up from zero."""
    daily = np.prod(np.where(marks[:, :, None], factors, 1.0), axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(daily, axis=0)])


def _number(day: date) -> int:
    return (day - EPOCH.date()) // timedelta(days=1)
