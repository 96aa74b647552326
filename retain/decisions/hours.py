"""When: how likely each of the 168 hours of the week is one in which a customer responds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from retain import native

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
_COMPILED = native.compiled("hours")


def spread(counts: Mapping[int, float], first: int, many: int) -> list[float]:
    """The shares of what was counted that fall on ``many`` hours from the ``first``.

    Each count is spread over the hours that are like its own; all of a week add up to 1.
    """
    of_hour = [0.0] * _DAY
    for hour, count in counts.items():
        of_hour[hour % _DAY] += count
    # of the hours that nothing was counted in, which most are, all is said by the hour of the day
    of_day = [OTHER_DAY * count for count in of_hour]
    start, length = first - 1, many + 2
    turn, days = start % _DAY, length // _DAY + 1
    own = ((of_day[turn:] + of_day[:turn]) * days)[:length]
    for hour, count in counts.items():
        for at in range((hour - start) % HOURS, length, HOURS):
            own[at] = (1.0 - OTHER_DAY) * count + of_day[hour % _DAY]
    whole = _SPREAD * sum(counts.values())
    return [
        (here + BESIDE * (before + after)) / whole
        for before, here, after in zip(own, own[1:], own[2:], strict=False)
    ]


@dataclass(frozen=True)
class Habits:
    """Hours of the week by how many responded in each, over the whole base.

    Attributes:
        counts: 168 numbers from Monday, 0 o'clock UTC; empty where the base was not counted.
    """

    counts: tuple[float, ...] = ()

    @cached_property
    def _known(self) -> bool:
        return any(self.counts)

    @cached_property
    def shares(self) -> Sequence[float]:
        """Of the base, 168 shares; all alike where it was not counted."""
        if not self._known:
            return [1.0 / HOURS] * HOURS
        return spread(dict(enumerate(self.counts)), 0, HOURS)

    def scores(
        self,
        active: Sequence[str] | None,
        responsive: Sequence[str] | None,
        first: int = 0,
        many: int = HOURS,
    ) -> list[float] | None:
        """Shares of ``many`` hours from the ``first``: the customer's own, shrunk to the base's.

        A posterior mean under a Dirichlet prior of :data:`BASE_TIMES` observations. None where
        neither the customer nor the base was ever seen.
        """
        if _COMPILED is not None:
            found = _COMPILED.scores(self.shares, self._known, active, responsive, first, many)
            if found is not NotImplemented:
                return found  # type: ignore[no-any-return]
        return self.plain_scores(active, responsive, first, many)

    def best(
        self,
        active: Sequence[str] | None,
        responsive: Sequence[str] | None,
        first: int,
        quiet: tuple[bool, ...] | None = None,
        local: int = 0,
    ) -> int | None:
        """How many hours after the ``first`` the likeliest of a day is, the first of equals.

        Args:
            active: hours of the customer's visits.
            responsive: hours in which the customer responded.
            first: the hour of the week that the day begins with.
            quiet: by hour of a day where the customer is, whether it is out of the question.
            local: which of these the ``first`` is.

        Returns None where neither the customer nor the base was ever seen.
        """
        if _COMPILED is not None:
            given = active, responsive, first, quiet, local
            found = _COMPILED.best(self.shares, self._known, *given)
            if found is not NotImplemented:
                return found  # type: ignore[no-any-return]
        return self.plain_best(active, responsive, first, quiet, local)

    def plain_best(
        self,
        active: Sequence[str] | None,
        responsive: Sequence[str] | None,
        first: int,
        quiet: tuple[bool, ...] | None = None,
        local: int = 0,
    ) -> int | None:
        """As :meth:`best`, in Python."""
        shares = self.plain_scores(active, responsive, first, _DAY)
        if shares is None:
            return None
        if quiet is not None:
            shares = [
                -1.0 if quiet[(local + ahead) % _DAY] else share
                for ahead, share in enumerate(shares)
            ]
        return shares.index(max(shares))

    def plain_scores(
        self,
        active: Sequence[str] | None,
        responsive: Sequence[str] | None,
        first: int = 0,
        many: int = HOURS,
    ) -> list[float] | None:
        """As :meth:`scores`, in Python."""
        own: dict[int, float] = {}
        for lines, weight in ((active, 1.0), (responsive, RESPONSE_WEIGHT)):
            for line in lines or ():
                name, count = line.split(" ")
                hour = int(name)
                own[hour] = own.get(hour, 0.0) + weight * float(count)
        base = self._from(first, many)
        if not own:
            return base if self._known else None
        seen = sum(own.values())
        of_own = seen / (seen + BASE_TIMES)
        of_base = 1.0 - of_own
        return [
            of_own * mine + of_base * everybodys
            for mine, everybodys in zip(spread(own, first, many), base, strict=True)
        ]

    def _from(self, first: int, many: int) -> list[float]:
        base = self.shares
        return [*base[first : first + many], *base[: max(first + many - HOURS, 0)]]


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
