"""When: how likely each of the 168 hours of the week is one in which a customer responds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

HOURS = 168
ACTIVE, RESPONSIVE = "active_hours", "response_hours"
"""The features: hours of the week in UTC, 0 = Monday 0 to 1 o'clock, with counts: ``hour n``."""

RESPONSE_WEIGHT = 2.0
"""A message opened counts as much as so many visits: it is what is asked about."""
BASE_TIMES = 8.0
"""As many visits and responses as the habits of the base are worth."""
OTHER_DAY = 0.5
"""What a visit says of the same hour of other weekdays, as a share of what it says of its own."""
BESIDE = 0.5
"""What a visit says of the hour before and after, as a share of what it says of its own."""

_DAY = 24
_SPREAD = (1.0 + 2.0 * BESIDE) * (1.0 + 6.0 * OTHER_DAY)


class Shares:
    """The share of what was counted that falls on each hour, spread over what is like it."""

    __slots__ = ("_counts", "_of_hour", "_seen")

    def __init__(self, counts: Mapping[int, float]) -> None:
        self._counts = counts
        self._seen = sum(counts.values())
        self._of_hour = [0.0] * _DAY
        for hour, count in counts.items():
            self._of_hour[hour % _DAY] += count

    def __getitem__(self, hour: int) -> float:
        """Of one of the 168 hours; all of them add up to 1."""
        around = self._own(hour) + BESIDE * (self._own(hour - 1) + self._own(hour + 1))
        return around / (_SPREAD * self._seen)

    def _own(self, hour: int) -> float:
        return (1.0 - OTHER_DAY) * self._counts.get(hour % HOURS, 0.0) + (
            OTHER_DAY * self._of_hour[hour % _DAY]
        )


@dataclass(frozen=True)
class Habits:
    """Hours of the week by how many responded in each, over the whole base.

    Attributes:
        counts: 168 numbers from Monday, 0 o'clock UTC; empty where the base was not counted.
    """

    counts: tuple[float, ...] = ()

    @cached_property
    def shares(self) -> Sequence[float]:
        """Of the base, 168 shares; all alike where it was not counted."""
        if not any(self.counts):
            return [1.0 / HOURS] * HOURS
        spread = Shares(dict(enumerate(self.counts)))
        return [spread[hour] for hour in range(HOURS)]

    def scores(
        self, active: Sequence[str] | None, responsive: Sequence[str] | None
    ) -> Callable[[int], float] | None:
        """Hour of the week to its share: the customer's own, shrunk to that of the base.

        A posterior mean under a Dirichlet prior of :data:`BASE_TIMES` observations. None where
        neither the customer nor the base was ever seen.
        """
        own: dict[int, float] = {}
        for lines, weight in ((active, 1.0), (responsive, RESPONSE_WEIGHT)):
            for line in lines or ():
                hour, count = line.split(" ")
                own[int(hour)] = own.get(int(hour), 0.0) + weight * float(count)
        base = self.shares
        if not own:
            return base.__getitem__ if any(self.counts) else None
        mine, seen = Shares(own), sum(own.values())
        of_own = seen / (seen + BASE_TIMES)
        return lambda hour: of_own * mine[hour] + (1.0 - of_own) * base[hour]


def hour_of_week(at: datetime) -> int:
    """0 to 167, from Monday 0 o'clock, in the zone of ``at``."""
    return at.weekday() * _DAY + at.hour


def counted(histories: Iterable[Sequence[str] | None]) -> list[float]:
    """How many customers' hours fall on each of the 168, every customer counting once."""
    counts = [0.0] * HOURS
    for own in histories:
        told = [line.split(" ") for line in own or ()]
        seen = sum(float(count) for _, count in told)
        for hour, count in told:
            counts[int(hour)] += float(count) / seen
    return counts
