"""Recorded reasons for leaving, counted: as JSON for the report, and as lines for a person."""

from dataclasses import asdict, dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from retain.clock import iso

LEAST_CUSTOMERS = 5
"""What fewer customers recorded is told of nobody."""
_Z = 1.959964

KINDS: dict[str, str] = {
    "cancellation": "reason given when a subscription was cancelled",
    "order_cancellation": "reason given when an order was cancelled",
    "return": "reason given when an order was returned",
    "complaint": "topic of a ticket, call or chat",
    "product": "product a ticket is about",
    "competitor": "competitor named when leaving or complaining",
}
"""What is counted, in words."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One value of one kind.

    Attributes:
        value: as it was recorded, in small letters; all rare ones stand together.
        mentions: events that name it; ``customers`` who did.
        judged: of those, who had ordered in the year before, and whose horizon has passed.
        left: of those, who placed no order within the horizon after naming it last.
        beside: what most often stood in the same events, with its share.
    """

    kind: str
    value: str
    mentions: int
    customers: int
    judged: int
    left: int
    beside: dict[str, str]

    @property
    def share_left(self) -> float | None:
        """The share of those judged who left."""
        return self.left / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The share's 95 % interval (Wilson 1927)."""
        if not self.judged:
            return None
        share, of, z2 = self.left / self.judged, self.judged, _Z**2
        middle = (share + z2 / (2 * of)) / (1 + z2 / of)
        half = _Z * sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, without the kind."""
        counted = {name: value for name, value in asdict(self).items() if name != "kind"}
        return {**counted, "share_left": self.share_left, "interval": self.interval}


@dataclass(frozen=True, slots=True)
class Leaving:
    """The recorded reasons of one window of the log.

    Attributes:
        usual_share_left: of the customers the churn model learned from, who left; to compare.
    """

    since: datetime
    as_of: datetime
    horizon_days: int
    usual_share_left: float | None
    recorded: tuple[Recorded, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, by kind."""
        return {
            "since": iso(self.since),
            "until": iso(self.as_of),
            "horizon_days": self.horizon_days,
            "usual_share_left": self.usual_share_left,
            "least_customers": LEAST_CUSTOMERS,
            "kinds": {
                kind: {
                    "meaning": meaning,
                    "recorded": [one.as_json() for one in self.recorded if one.kind == kind],
                }
                for kind, meaning in KINDS.items()
            },
        }

    def lines(self) -> list[str]:
        """A table a person can read, in at most 100 columns."""
        if not self.recorded:
            return ["Nobody recorded a reason for leaving: no cancellation, ticket or competitor."]
        usual = self.usual_share_left
        compared = "" if usual is None else f"; of all customers {usual:.0%}"
        lines = [
            f"Recorded reasons for leaving since {self.since:%Y-%m-%d}",
            f"  left: no order in the {self.horizon_days} days after{compared}",
        ]
        for kind, meaning in KINDS.items():
            of_kind = [one for one in self.recorded if one.kind == kind]
            if of_kind:
                lines += [f"  {meaning}:", *(f"    {_line(one)}" for one in of_kind)]
        return lines


def _line(one: Recorded) -> str:
    counted = f"{one.value:<24.24} {one.customers:>6,} customers {one.mentions:>7,} mentions"
    if one.interval is None:
        return counted
    low, high = one.interval
    return f"{counted}  left: {one.share_left:.0%} [{low:.0%}, {high:.0%}] of {one.judged:,}"
