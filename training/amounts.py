"""What a model of an amount that is often zero can do, whichever way it is made."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

from retain.manifest import ModelFeature
from retain.predictors.btyd import OrderOdds
from retain.predictors.trees import Floats
from training import hurdle, tweedie
from training.boosting import Rows

Features = Sequence[ModelFeature]


class FittedAmount(Protocol):
    """A fitted expectation of net revenue, at the level of the rows it was fitted on."""

    @property
    def kind(self) -> str:
        """``hurdle`` or ``tweedie``."""
        ...

    def value(self, matrix: Floats) -> Floats:
        """Expected net revenue, (n,)."""
        ...

    def refit(
        self, rows: Rows, features: Features, seed: int, odds: OrderOdds | None = None
    ) -> Self:
        """The same choices on other rows."""
        ...

    def scaled(self, factor: float) -> Self:
        """Every value multiplied by ``factor``."""
        ...

    def files(self) -> dict[str, str]:
        """The files of :class:`retain.predictors.ltv.LtvPredictor`."""
        ...


CANDIDATES: Mapping[str, Callable[[Rows, Rows, Features, int, OrderOdds | None], FittedAmount]] = {
    "hurdle": hurdle.choose,
    "tweedie": tweedie.choose,
}
