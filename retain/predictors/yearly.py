"""Numbers that depend on the day of the year: a season, stored week by week."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from retain.predictors.contributions import Floats

Times = NDArray[np.datetime64]

WEEKS = 52
DAYS = 7.0 * WEEKS
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Yearly:
    """One row of numbers for every week of the year after ``since``; after it the year repeats.

    Attributes:
        since: the moment of the first row.
        rows: (53, k); the last one stands a year after the first.
    """

    since: np.datetime64
    rows: Floats

    @classmethod
    def constant(cls, since: np.datetime64, row: Floats) -> "Yearly":
        """The same numbers, (k,), on every day."""
        return cls(since, np.tile(row, (WEEKS + 1, 1)))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` wrote."""
        return cls(
            np.datetime64(content["since"], "us"), np.array(content["rows"], dtype=np.float64)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; the moment is in UTC."""
        return {"since": str(self.since), "rows": self.rows.tolist()}

    def at(self, as_of: Times) -> Floats:
        """The numbers at each moment, (n, k), interpolated between weeks."""
        days = (as_of - self.since) / _DAY
        place = np.mod(days, DAYS) / 7.0
        left = np.minimum(place.astype(np.intp), WEEKS - 1)
        share = (place - left)[:, None]
        return np.asarray((1.0 - share) * self.rows[left] + share * self.rows[left + 1])
