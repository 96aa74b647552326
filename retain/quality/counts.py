"""Event counts by type and window, and what is usual at the same time of the week.

A window is a day or an hour that ends with the moment asked, window 0 the last: a check at noon
compares noon to noon. Usual is the median of the same window in the weeks before, its spread
the median absolute deviation (times 1.4826; P. Rousseeuw and C. Croux, JASA 88, 1993), at least
what a Poisson count varies: one outage or one sale among the weeks moves neither.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY
from retain.quality.event_source import MICROSECONDS_PER_HOUR, Events, rows
from retain.quality.thresholds import VolumeLimits

ALL = "all events"
LOOK_BACK_DAYS = 7
_DAYS_PER_WEEK = 7
_HOURS_PER_WEEK = 168
_MAD_TO_DEVIATION = 1.4826

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counted:
    """One type in one window: NaN where that is not known.

    Attributes:
        past: how many windows ago; 0 is the last.
        deviations: robust standard deviations from the usual.
    """

    event_type: str
    past: int
    count: float
    usual: float
    deviations: float


def days(limits: VolumeLimits) -> int:
    """How many days of events the counts and the gaps between them are taken from."""
    # a type that stopped is compared with the weeks before it stopped
    return 2 * limits.weeks * _DAYS_PER_WEEK + LOOK_BACK_DAYS


def daily(events: Events, as_of: datetime, limits: VolumeLimits) -> list[list[Counted]]:
    """The last seven days of every type, all events together first."""
    windows = LOOK_BACK_DAYS + limits.weeks * _DAYS_PER_WEEK
    types, values = _counts(events, MICROSECONDS_PER_DAY, windows)
    for past in range(windows):
        # a window belongs to the day that most of it lies in
        middle = as_of - timedelta(days=past, hours=12)
        if middle.date() in limits.closed_days:
            values[:, past] = np.nan
    return _counted(types, values, limits, LOOK_BACK_DAYS, _DAYS_PER_WEEK)


def last_hour(events: Events, limits: VolumeLimits) -> list[Counted]:
    """The last hour of every type, all events together first."""
    windows = limits.weeks * _HOURS_PER_WEEK + 1
    types, values = _counts(events, MICROSECONDS_PER_HOUR, windows)
    return [row[0] for row in _counted(types, values, limits, 1, _HOURS_PER_WEEK)]


def _counts(events: Events, width: int, windows: int) -> tuple[list[str], Floats]:
    counted = events.sql(
        f"SELECT type, age // {width} AS past, count(*) AS events FROM events "
        f"WHERE age < {windows * width} GROUP BY ALL"
    ).fetchnumpy()
    oldest = rows(events, "SELECT max(age) FROM events")[0][0]
    types, row = np.unique(np.asarray(counted["type"]).astype(str), return_inverse=True)
    values = np.zeros((len(types) + 1, windows))
    values[row + 1, np.asarray(counted["past"]).astype(np.int64)] = counted["events"]
    values[0] = values[1:].sum(axis=0)
    # a window that began before the first event says nothing about the usual
    values[:, max(int((oldest or 0) // width), 1) :] = np.nan
    return [ALL, *types.tolist()], values


def _counted(
    types: list[str], values: Floats, limits: VolumeLimits, windows: int, week: int
) -> list[list[Counted]]:
    back = week * np.arange(1, limits.weeks + 1)
    past = values[:, np.arange(windows)[:, None] + back[None, :]]
    known = np.isfinite(past).sum(axis=2) >= limits.least_weeks
    past = np.where(known[:, :, None], past, 0.0)
    usual = np.nanmedian(past, axis=2)
    deviation = _MAD_TO_DEVIATION * np.nanmedian(np.abs(past - usual[:, :, None]), axis=2)
    spread = np.maximum(np.maximum(deviation, np.sqrt(usual)), 1.0)
    deviations = (values[:, :windows] - usual) / spread
    usual = np.where(known, usual, np.nan)
    return [
        [
            Counted(name, at, float(values[i, at]), float(usual[i, at]), float(deviations[i, at]))
            for at in range(windows)
        ]
        for i, name in enumerate(types)
    ]
