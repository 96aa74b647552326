"""Which months a rolling evaluation looks at: the same day of each, as far as labels fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from retain.errors import NotEnoughData
from training.cutoffs import MINIMUM_HISTORY_DAYS

MOST_CUTOFFS = 12
REPORTED_ONLY = 1
_LAST_DAY_OF_EVERY_MONTH = 28


@dataclass(frozen=True, slots=True)
class RollingCutoff:
    """One moment and one horizon.

    Attributes:
        counted: whether its results count for the verdict; others are reported only.
        why_not: what is missing, where it does not count.
    """

    as_of: datetime
    horizon_days: int
    counted: bool = True
    why_not: str = ""

    @property
    def a_year_before(self) -> datetime:
        """The same calendar day of the year before."""
        return _month_back(self.as_of, 12)


def choose(
    first_event_at: datetime,
    last_event_at: datetime,
    horizons_days: Sequence[int],
    *,
    day_of_month: int | None = None,
    cutoffs: int | None = None,
) -> list[RollingCutoff]:
    """Monthly cutoffs of every horizon, oldest first, whose label windows the history holds.

    Without ``day_of_month`` it is the latest that leaves room for the longest horizon. Without
    ``cutoffs`` they are those with a year of history and one before them, which is reported only.
    A year of history means that the same day a year before had customers to compare with.

    Raises:
        NotEnoughData: no window of any horizon fits.
    """
    latest = _midnight(last_event_at - timedelta(days=max(horizons_days)))
    day = min(day_of_month or latest.day, _LAST_DAY_OF_EVERY_MONTH)
    found = [
        cutoff
        for horizon in horizons_days
        for cutoff in _of_horizon(first_event_at, last_event_at, horizon, day, cutoffs)
    ]
    if not found:
        raise NotEnoughData(
            f"no label window of {min(horizons_days)} days fits between "
            f"{first_event_at:%Y-%m-%d} and {last_event_at:%Y-%m-%d} with "
            f"{MINIMUM_HISTORY_DAYS} days before it",
            remedy="import a longer history, or give a shorter --horizon-days",
        )
    return found


def _of_horizon(
    first: datetime, last: datetime, horizon_days: int, day: int, wanted: int | None
) -> list[RollingCutoff]:
    moment = _midnight(last - timedelta(days=horizon_days)).replace(day=day)
    if moment + timedelta(days=horizon_days) > last:
        moment = _month_back(moment, 1)
    found: list[RollingCutoff] = []
    earliest = first + timedelta(days=MINIMUM_HISTORY_DAYS + horizon_days)
    while moment >= earliest and len(found) < (wanted or MOST_CUTOFFS):
        cutoff = RollingCutoff(moment, horizon_days)
        year = cutoff.a_year_before - timedelta(days=MINIMUM_HISTORY_DAYS) >= first
        if not year:
            cutoff = RollingCutoff(moment, horizon_days, False, "no year of history before it")
        alone = sum(not one.counted for one in found) if found else 0
        if not year and wanted is None and alone >= REPORTED_ONLY and found[0].counted:
            break
        found.append(cutoff)
        moment = _month_back(moment, 1)
    return found[::-1]


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _month_back(moment: datetime, months: int) -> datetime:
    month = moment.year * 12 + moment.month - 1 - months
    day = min(moment.day, _LAST_DAY_OF_EVERY_MONTH)
    return moment.replace(year=month // 12, month=month % 12 + 1, day=day)
