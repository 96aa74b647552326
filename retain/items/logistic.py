"""A logistic regression over a few columns: plain numbers in, a probability out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retain.items.tables import Floats


@dataclass(frozen=True, slots=True)
class Logistic:
    """``sigmoid(intercept + x · weights)``, weights (d,)."""

    weights: Floats
    intercept: float

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        return cls(np.array(content["weights"], dtype=np.float64), float(content["intercept"]))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"weights": self.weights.tolist(), "intercept": self.intercept}

    def probability(self, matrix: Floats) -> Floats:
        """Of every row of an (m, d) matrix, (m,)."""
        logit = self.intercept + weighted(matrix, self.weights)
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -36.0, 36.0))), dtype=np.float64)


def weighted(matrix: Floats, weights: Floats) -> Floats:
    """The sums of the columns of an (m, d) matrix by their ``weights``, (m,).

    Column after column: a matrix product adds in an order that depends on how many rows there
    are, and no other order is that of a customer alone (:mod:`retain.one.items`).
    """
    total: Floats = matrix[:, 0] * weights[0]
    for place in range(1, len(weights)):
        total += matrix[:, place] * weights[place]
    return total
