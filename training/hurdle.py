"""A hurdle: whether a customer brings revenue at all, times how much if so."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.btyd import OrderOdds
from retain.predictors.calibrator import Platt
from retain.predictors.trees import Floats
from training import blending
from training.blending import FittedBlend
from training.boosting import Rows
from training.calibration import platt

Features = Sequence[ModelFeature]

SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class Hurdle:
    """Probability of any revenue times the exponential of its expected logarithm."""

    buys: FittedBlend
    calibrator: Platt
    amount: FittedBlend
    level: float = 1.0
    kind: str = "hurdle"

    def value(self, matrix: Floats) -> Floats:
        """Expected net revenue, (n,)."""
        amount = np.exp(self.amount.blend.raw(matrix))
        buys = self.calibrator.probability(self.buys.blend.raw(matrix))
        return np.asarray(self.level * amount * buys, dtype=np.float64)

    def refit(
        self, rows: Rows, features: Features, seed: int, odds: OrderOdds | None = None
    ) -> "Hurdle":
        """The same choices on other rows."""
        buys = blending.refit(self.buys, _whether(rows), features, seed, odds)
        amount = blending.refit(self.amount, _how_much(rows), features, seed)
        return _assembled(buys, amount, rows)

    def levelled(self, rows: Rows) -> "Hurdle":
        """At the total of these rows: a mean of logarithms says nothing about the sum."""
        return self.scaled(float(rows.target.sum() / self.value(rows.matrix).sum()))

    def scaled(self, factor: float) -> "Hurdle":
        """Every value multiplied by ``factor``."""
        return replace(self, level=self.level * factor)

    def files(self) -> dict[str, str]:
        """The files of the predictor."""
        buys = {"slope": self.calibrator.slope, "offset": self.calibrator.offset}
        content = {"kind": self.kind, "level": self.level, "buys": buys}
        return {
            **self.amount.files("model"),
            **self.buys.files("buys"),
            "value.json": json.dumps(content, indent=1),
        }


def choose(
    rows: Rows, later: Rows, features: Features, seed: int, odds: OrderOdds | None = None
) -> Hurdle:
    """Rounds and shares from the later rows; ``odds`` are stacked on whether a customer buys."""
    whether, how_much = _whether(rows), _how_much(rows)
    buys = blending.choose("probability", whether, _whether(later), features, seed, odds)
    amount = blending.choose("log_amount", how_much, _how_much(later), features, seed)
    return _assembled(buys, amount, rows)


def _assembled(buys: FittedBlend, amount: FittedBlend, rows: Rows) -> Hurdle:
    calibrator = platt(buys.blend.raw(rows.matrix), _whether(rows).target)
    return Hurdle(buys, calibrator, amount).levelled(rows)


def _whether(rows: Rows) -> Rows:
    return Rows.of(rows.matrix, (rows.target > SMALLEST).astype(np.float64)).tuned(rows.trees)


def _how_much(rows: Rows) -> Rows:
    positive = rows.target > SMALLEST
    return Rows.of(rows.matrix[positive], np.log(rows.target[positive])).tuned(rows.trees)
