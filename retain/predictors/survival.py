"""The curve of the next order: from one score per customer to probabilities and days.

Time runs on two clocks. The hazards are those of average days; the season says what the coming
7, 30 or 90 days of the calendar are worth in average days, so that every answer is still read
from one monotone curve.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retain.predictors.calibrator import sigmoid
from retain.predictors.contributions import Floats
from retain.predictors.yearly import Times, Yearly

LONGEST_DAYS = 3650.0
_END = 4.0 * LONGEST_DAYS  # in average days, for a busy year to have room


@dataclass(frozen=True, slots=True)
class Hazards:
    """From a score to the hazard of each bin of days: ``sigmoid(offset + slope · score)``.

    Attributes:
        ends: last day of each bin, ascending, (k,).
        tail_from: index of the first bin whose mean hazard goes on beyond the last one.
    """

    ends: Floats
    offsets: Floats
    slopes: Floats
    tail_from: int

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        return cls(
            np.array(content["ends"], dtype=np.float64),
            np.array(content["offsets"], dtype=np.float64),
            np.array(content["slopes"], dtype=np.float64),
            int(content["tail_from"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "ends": self.ends.tolist(),
            "offsets": self.offsets.tolist(),
            "slopes": self.slopes.tolist(),
            "tail_from": self.tail_from,
        }

    def cumulative(self, score: Floats) -> Floats:
        """Cumulative hazard ``-log S`` at day 0, at each bin's end, and far beyond.

        Args:
            score: (n,).

        Returns:
            (n, k + 2), never falling along a row.
        """
        hazard = sigmoid(self.offsets + self.slopes * score[:, None])
        within = np.cumsum(-np.log1p(-hazard), axis=1)
        before = within[:, self.tail_from - 1] if self.tail_from else np.zeros(len(within))
        since = self.ends[self.tail_from - 1] if self.tail_from else 0.0
        rate = (within[:, -1] - before) / (self.ends[-1] - since)
        beyond = within[:, -1] + rate * (_END - self.ends[-1])
        return np.column_stack([np.zeros(len(within)), within, beyond])

    @property
    def days(self) -> Floats:
        """The days that belong to the columns of :meth:`cumulative`."""
        return np.concatenate([[0.0], self.ends, [_END]])


@dataclass(frozen=True, slots=True)
class Clock:
    """What the coming days are worth in average days.

    Attributes:
        horizons: days of the calendar, ascending, (k,); beyond the last every day is worth one.
        worth: their worth at each moment of the year, never falling along a row.
    """

    horizons: Floats
    worth: Yearly

    @classmethod
    def even(cls, since: np.datetime64, horizon_days: float) -> "Clock":
        """Where every day is worth one."""
        horizons = np.array([float(horizon_days)])
        return cls(horizons, Yearly.constant(since, horizons))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` wrote."""
        horizons = np.array(content["horizons"], dtype=np.float64)
        return cls(horizons, Yearly.from_json(content["worth"]))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"horizons": self.horizons.tolist(), "worth": self.worth.to_json()}

    def knots(self, as_of: Times) -> tuple[Floats, Floats]:
        """Days of the calendar, (k + 2,), and what they are worth from each moment, (n, k + 2)."""
        worth = self.worth.at(as_of)
        rest = LONGEST_DAYS - self.horizons[-1]
        calendar = np.concatenate([[0.0], self.horizons, [LONGEST_DAYS]])
        average = np.column_stack([np.zeros(len(worth)), worth, worth[:, -1] + rest])
        return calendar, average


@dataclass(frozen=True, slots=True)
class Curves:
    """One curve per customer, from one moment each: everything is read from it."""

    hazards: Hazards
    clock: Clock

    def read(self, score: Floats, as_of: Times) -> "Reading":
        """The curves of n customers."""
        calendar, average = self.clock.knots(as_of)
        return Reading(self.hazards.days, self.hazards.cumulative(score), calendar, average)


@dataclass(frozen=True, slots=True)
class Reading:
    """Curves of n customers.

    Attributes:
        days: average days, (j,), and ``cumulative`` hazard at them, (n, j).
        calendar: days from the moment of scoring, (k,), and what they are worth, ``average``,
            (n, k).
    """

    days: Floats
    cumulative: Floats
    calendar: Floats
    average: Floats

    def probability(self, horizon_days: float) -> Floats:
        """Probability of an order within so many days of the calendar, (n,)."""
        return np.asarray(-np.expm1(-self._hazard_until(self.worth(horizon_days))))

    def worth(self, horizon_days: float) -> Floats:
        """What so many days of the calendar are worth in average days, (n,)."""
        right = int(
            np.clip(np.searchsorted(self.calendar, horizon_days), 1, len(self.calendar) - 1)
        )
        span = self.calendar[right] - self.calendar[right - 1]
        share = (horizon_days - self.calendar[right - 1]) / span
        worth = self.average[:, right - 1] * (1.0 - share) + self.average[:, right] * share
        return np.asarray(worth, dtype=np.float64)

    def days_until(self, quantile: float) -> Floats:
        """Days until an order is as probable as ``quantile``, (n,), at most the longest."""
        target = np.full(len(self.cumulative), -np.log1p(-quantile))
        days = np.broadcast_to(self.days, self.cumulative.shape)
        calendar = np.broadcast_to(self.calendar, self.average.shape)
        return _interpolated(_interpolated(target, self.cumulative, days), self.average, calendar)

    def _hazard_until(self, worth: Floats) -> Floats:
        days = np.broadcast_to(self.days, self.cumulative.shape)
        return _interpolated(worth, days, self.cumulative)


def _interpolated(at: Floats, x: Floats, y: Floats) -> Floats:
    """Row by row ``np.interp``: ``at`` is (n,), ``x`` never falls along a row of (n, k)."""
    if len(x) == 1:
        return np.array([_between(float(at[0]), x[0], y[0])])
    rows = np.arange(len(x))
    right = np.clip((x < at[:, None]).sum(axis=1), 1, x.shape[1] - 1)
    low, high = x[rows, right - 1], x[rows, right]
    share = np.clip((at - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    below, above = y[rows, right - 1], y[rows, right]
    return np.asarray(below + share * (above - below), dtype=np.float64)


def _between(at: float, x: Floats, y: Floats) -> float:
    """As :func:`_interpolated` of one row, to the last bit and in a tenth of the time."""
    right = min(max(bisect_left(x, at), 1), len(x) - 1)
    low, high, below, above = x.item(right - 1), x.item(right), y.item(right - 1), y.item(right)
    share = min(max((at - low) / max(high - low, 1e-300), 0.0), 1.0)
    return float(below + share * (above - below))
