"""The curve of one customer's next order, read in plain numbers.

The counterpart for n customers is :class:`retain.predictors.survival.Curves`; what is said there
of its two clocks holds here.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from retain import native
from retain.clock import MICROSECONDS_PER_DAY
from retain.predictors.survival import Curves, Hazards
from retain.predictors.yearly import DAYS, WEEKS, Yearly

Numbers = list[float]
_COMPILED = native.compiled("curves")


class Reads(Protocol):
    """What reads a curve."""

    def read(self, score: float, moment: int, /) -> tuple[Numbers, Numbers]:
        """As :meth:`CurveReader.read`."""


def reader_of(curves: Curves, horizons: Sequence[float], quantiles: Sequence[float]) -> Reads:
    """What reads a curve at fixed horizons and quantiles, the fastest there is."""
    own = CurveReader(curves, horizons, quantiles)
    made = None if _COMPILED is None else native.made(own.compiled, _COMPILED)
    return own if made is None else made


class YearlyOfOne:
    """As :meth:`retain.predictors.yearly.Yearly.at` of one moment."""

    def __init__(self, yearly: Yearly) -> None:
        self.since = int(yearly.since.astype("M8[us]").astype(np.int64))
        self.rows: list[Numbers] = yearly.rows.tolist()

    def at(self, moment: int) -> Numbers:
        """The numbers at ``moment`` (epoch microseconds), (k,)."""
        place = (float(moment - self.since) / MICROSECONDS_PER_DAY) % DAYS / 7.0
        left = min(int(place), WEEKS - 1)
        share = place - left
        rest = 1.0 - share
        return [
            rest * a + share * b for a, b in zip(self.rows[left], self.rows[left + 1], strict=True)
        ]


class CurveReader:
    """Reads a curve at fixed horizons and quantiles."""

    def __init__(
        self, curves: Curves, horizons: Sequence[float], quantiles: Sequence[float]
    ) -> None:
        hazards: Hazards = curves.hazards
        self._hazards = hazards
        self._days: Numbers = hazards.days.tolist()
        self._worth = YearlyOfOne(curves.clock.worth)
        calendar, _ = curves.clock.knots(np.array([curves.clock.worth.since]))
        self._calendar: Numbers = calendar.tolist()
        self._rest = self._calendar[-1] - self._calendar[-2]
        self._places = [_place(calendar.tolist(), horizon) for horizon in horizons]
        self._targets: Numbers = [float(-np.log1p(-quantile)) for quantile in quantiles]

    def compiled(self, module: Any) -> Reads:
        """The same in C."""
        hazards, places = self._hazards, self._places
        made: Reads = module.Curve(
            self._days,
            hazards.offsets,
            hazards.slopes,
            hazards.tail_from,
            self._worth.since,
            self._worth.rows,
            self._calendar,
            [right for right, _ in places],
            [share for _, share in places],
            self._targets,
        )
        return made

    def read(self, score: float, moment: int) -> tuple[Numbers, Numbers]:
        """Probabilities of an order within each horizon, and days until it is as probable."""
        cumulative = self._cumulative(score)
        worth = self._worth.at(moment)
        average = [0.0, *worth, worth[-1] + self._rest]
        hazards = []
        for right, share in self._places:
            worth_of = average[right - 1] * (1.0 - share) + average[right] * share
            hazards.append(_between(worth_of, self._days, cumulative))
        probabilities: Numbers = (-np.expm1(-np.array(hazards))).tolist()
        days = [
            _between(_between(target, cumulative, self._days), average, self._calendar)
            for target in self._targets
        ]
        return probabilities, days

    def _cumulative(self, score: float) -> Numbers:
        """As :meth:`retain.predictors.survival.Hazards.cumulative`."""
        own = self._hazards
        logit = np.minimum(np.maximum(own.offsets + own.slopes * score, -36.0), 36.0)
        hazard = 1.0 / (1.0 + np.exp(-logit))
        within: Numbers = np.cumsum(-np.log1p(-hazard)).tolist()
        before = within[own.tail_from - 1] if own.tail_from else 0.0
        since = self._days[own.tail_from] if own.tail_from else 0.0
        rate = (within[-1] - before) / (self._days[-2] - since)
        return [0.0, *within, within[-1] + rate * (self._days[-1] - self._days[-2])]


def _place(calendar: Numbers, horizon: float) -> tuple[int, float]:
    right = min(max(bisect_left(calendar, horizon), 1), len(calendar) - 1)
    span = calendar[right] - calendar[right - 1]
    return right, (horizon - calendar[right - 1]) / span


def _between(at: float, x: Numbers, y: Numbers) -> float:
    """Linear between the points, and as at the ends beyond them."""
    right = min(max(bisect_left(x, at), 1), len(x) - 1)
    low, below = x[right - 1], y[right - 1]
    share = min(max((at - low) / max(x[right] - low, 1e-300), 0.0), 1.0)
    return below + share * (y[right] - below)
