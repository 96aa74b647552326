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
        # not a matrix product: BLAS sums in another order for one row than for many
        logit = self.intercept + (matrix * self.weights).sum(axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -36.0, 36.0))), dtype=np.float64)
