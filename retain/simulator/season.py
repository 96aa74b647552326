"""The calendar: busy and quiet days, as a second clock that runs faster on busy days.

Processes are drawn on that clock ("season time", in years of average trade) and mapped
back to dates, so that a regular customer stays regular and still buys more in December.
"""

from datetime import date

import numpy as np

from retain.clock import from_micros
from retain.simulator.columns import DAY, FloatArray, IntArray
from retain.simulator.kinds import NAMES, each
from retain.simulator.plan import Plan

_WEEKDAY = np.array([1.00, 0.97, 0.96, 1.00, 1.08, 1.12, 0.87])
_YEAR = 365.25


class Season:
    """Season time of every customer type over a plan's window; 0 at its start."""

    def __init__(self, plan: Plan) -> None:
        days = plan.start // DAY + np.arange(plan.days)
        first = from_micros(plan.start)
        since_new_year = (first.date() - date(first.year, 1, 1)).days
        day_of_year = (since_new_year + np.arange(plan.days)) % _YEAR
        weekday = _WEEKDAY[(days + 3) % 7]  # 1970-01-01 was a Thursday
        ordinary = _intensity(np.arange(365, dtype=np.float64)).mean(axis=1, keepdims=True)
        yearly = _intensity(day_of_year.astype(np.float64)) / ordinary
        clock = np.cumsum(yearly * weekday, axis=1) / _YEAR
        self._start = plan.start
        self._length = float(plan.days)
        self._span = float(clock.max()) + 1.0
        rows = np.arange(len(NAMES))[:, None]
        dates = np.concatenate([[0.0], np.arange(1.0, plan.days + 1)])
        # one strictly rising curve for all types, laid end to end: one interpolation serves all
        self._dates = (rows * (self._length + 1) + dates).ravel()
        padded = np.concatenate([np.zeros((len(NAMES), 1)), clock], axis=1)
        self._clock = (rows * self._span + padded).ravel()

    def at(self, kind: IntArray, times: IntArray) -> FloatArray:
        """Season time (years) of each time (microseconds), held within the window."""
        days = np.clip((times - self._start) / DAY, 0.0, self._length)
        shifted = np.interp(kind * (self._length + 1) + days, self._dates, self._clock)
        return np.asarray(shifted - kind * self._span, dtype=np.float64)

    def when(self, kind: IntArray, clock: FloatArray) -> IntArray:
        """The time (microseconds) of each season time; past the window's end: its end."""
        inside = np.clip(clock, 0.0, self._span - 0.5)
        days = np.interp(kind * self._span + inside, self._clock, self._dates)
        offset = np.clip(days - kind * (self._length + 1), 0.0, self._length)
        return np.asarray(self._start + (offset * DAY).astype(np.int64), dtype=np.int64)


def _intensity(day_of_year: FloatArray) -> FloatArray:
    """Trade of each type on each day of the year, (types, days), not yet scaled."""
    christmas = _hill(day_of_year, 340, 17)
    black_friday = _hill(day_of_year, 331, 3)
    gifts = 0.35 * _hill(day_of_year, 42, 6) + 0.25 * _hill(day_of_year, 130, 8)
    summer = -0.12 * _hill(day_of_year, 215, 25)
    holidays = -0.55 * _hill(day_of_year, 359, 2)
    peak = each("peak")[:, None]
    trade = 1 + summer + holidays + peak * (christmas + 0.5 * black_friday + gifts)
    return np.maximum(np.asarray(trade, dtype=np.float64), 0.1)


def _hill(day_of_year: FloatArray, centre: float, width: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((day_of_year - centre) / width) ** 2), dtype=np.float64)


def on_sale(times: IntArray) -> FloatArray:
    """The site-wide discount at each time, as a share of the price (mostly 0)."""
    days = times // DAY
    dates = days.astype("datetime64[D]")
    day_of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    sale = np.zeros(len(times))
    sale[(day_of_year >= 326) & (day_of_year <= 334)] = 0.20
    sale[(day_of_year >= 1) & (day_of_year <= 12)] = 0.15
    sale[(day_of_year >= 180) & (day_of_year <= 190)] = 0.15
    return sale
