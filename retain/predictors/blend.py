"""Trees, a linear model and BG/NBD averaged in link space."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from retain.predictors.btyd import OrderOdds
from retain.predictors.contributions import Contributions
from retain.predictors.linear import Linear
from retain.predictors.trees import Floats, Trees

Member = Trees | Linear | OrderOdds


@dataclass(frozen=True, slots=True)
class Blend:
    """Members and their weights; whoever has no weight is not there."""

    members: tuple[tuple[Member, float], ...]

    @classmethod
    def from_files(cls, text: str, content: Mapping[str, Any]) -> Self:
        """From a LightGBM text model and the JSON beside it."""
        builders: dict[str, Callable[[], Member]] = {
            "trees": lambda: Trees(text),
            "linear": lambda: Linear.from_json(content["linear"]),
            "btyd": lambda: OrderOdds.from_json(content["btyd"]),
        }
        shares = content["shares"]
        return cls(tuple((builders[name](), float(share)) for name, share in shares.items()))

    def raw(self, matrix: Floats) -> Floats:
        """Scores in link space, (n,)."""
        (first, share), *others = self.members
        score = share * first.raw(matrix)
        for member, share in others:
            score = score + share * member.raw(matrix)
        return score

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`raw`."""
        (first, share), *others = self.members
        parts = first.contributions(matrix).times(share)
        for member, share in others:
            parts = parts + member.contributions(matrix).times(share)
        return parts
