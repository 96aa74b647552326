"""A ridge-linear score over log-scaled features: the trees' steady companion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retain.predictors.contributions import Contributions
from retain.predictors.trees import Floats

CLIP = 4.0


def standardised(matrix: Floats, center: Floats, scale: Floats) -> Floats:
    """Signed log1p, centred, scaled and clipped at four deviations; missing becomes 0."""
    logs = np.copysign(np.log1p(np.abs(matrix)), matrix)
    return np.nan_to_num(np.clip((logs - center) / scale, -CLIP, CLIP), nan=0.0)


@dataclass(frozen=True, slots=True)
class Linear:
    """``intercept + standardised(x) · weights + isnan(x) · missing``; vectors are (d,)."""

    center: Floats
    scale: Floats
    weights: Floats
    missing: Floats
    intercept: float

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        vectors = {
            name: np.array(content[name], dtype=np.float64)
            for name in ("center", "scale", "weights", "missing")
        }
        return cls(**vectors, intercept=float(content["intercept"]))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
            "missing": self.missing.tolist(),
            "intercept": self.intercept,
        }

    def raw(self, matrix: Floats) -> Floats:
        """Scores in link space, (n,), of an (n, d) matrix."""
        # not a matrix product: BLAS sums in another order for one row than for many
        return np.asarray(self.intercept + self._terms(matrix).sum(axis=1), dtype=np.float64)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`raw`, beside a customer with average logarithms."""
        return Contributions(self._terms(matrix), np.full(len(matrix), self.intercept))

    def _terms(self, matrix: Floats) -> Floats:
        terms = standardised(matrix, self.center, self.scale) * self.weights
        terms += np.isnan(matrix) * self.missing
        return terms
