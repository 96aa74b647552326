"""What each input adds to a score, exactly: the parts sum to the score.

Trees are taken apart by TreeSHAP (Lundberg et al. 2020, `pred_contrib` of LightGBM), which shares
a score out over the features so that they sum to it; a linear score is a sum already.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Season:
    """What the time of year does to the answers of n customers, beside average days.

    Attributes:
        part: added to the score, (n,).
        worth: what the coming days are worth in average days, as a factor, (n,).
        days: how many days are coming.
    """

    part: Floats
    worth: Floats
    days: float


@dataclass(frozen=True, slots=True)
class Contributions:
    """Of n customers and d inputs: ``base + values.sum(axis=1)`` is the score.

    Attributes:
        values: (n, d), in the order of the model's inputs.
        base: the score of a customer of whom nothing in particular is known, (n,).
    """

    values: Floats
    base: Floats

    @property
    def score(self) -> Floats:
        """The score they sum to, (n,)."""
        return np.asarray(self.base + self.values.sum(axis=1), dtype=np.float64)

    def __add__(self, other: Self) -> "Contributions":
        """Of the sum of two scores."""
        return Contributions(self.values + other.values, self.base + other.base)

    def times(self, factor: float) -> "Contributions":
        """Of ``factor`` times the score."""
        return Contributions(factor * self.values, factor * self.base)

    def constant(self, column: int) -> "Contributions":
        """The same with one input taken into the base, as it is not the customer's."""
        base = self.base + self.values[:, column]
        return Contributions(np.delete(self.values, column, axis=1), base)

    def mapped(self, score: Floats, base: Floats) -> "Contributions":
        """Of a curved function of this score, whose values are ``score``, and ``base`` at the base.

        The change from base to score is shared out in proportion: DeepLIFT's rescale rule
        (Shrikumar et al. 2017).
        """
        change = self.score - self.base
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(np.abs(change) > 1e-12, (score - base) / change, 0.0)
        rest = score - (base + slope * change)
        return Contributions(self.values * slope[:, None], base + rest)
