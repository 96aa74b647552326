"""Trees and a linear model averaged in link space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from retain.predictors.contributions import Contributions
from retain.predictors.linear import Linear
from retain.predictors.trees import Floats, Trees


@dataclass(frozen=True, slots=True)
class Blend:
    """``share`` is the trees' weight; the linear model has the rest."""

    trees: Trees
    linear: Linear | None
    share: float

    @classmethod
    def from_files(cls, text: str, content: Mapping[str, Any]) -> Self:
        """From a LightGBM text model and the JSON beside it."""
        linear = content["linear"]
        return cls(Trees(text), Linear.from_json(linear) if linear else None, content["share"])

    def raw(self, matrix: Floats) -> Floats:
        """Scores in link space, (n,)."""
        trees = self.trees.raw(matrix)
        if self.linear is None:
            return trees
        return self.share * trees + (1.0 - self.share) * self.linear.raw(matrix)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`raw`."""
        trees = self.trees.contributions(matrix)
        if self.linear is None:
            return trees
        linear = self.linear.contributions(matrix)
        return trees.times(self.share) + linear.times(1.0 - self.share)
