"""Fits of :class:`retain.predictors.blend.Blend`: trees and ridge, weighted by time-split loss."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.blend import Blend
from retain.predictors.linear import Linear
from retain.predictors.trees import Floats, Trees
from training import boosting, ridge
from training.boosting import Rows
from training.calibration import platt

Kind = Literal["probability", "log_amount"]

SHARES = (0.25, 0.5, 0.75, 1.0)

_OBJECTIVES: dict[Kind, tuple[str, str, ridge.Link]] = {
    # the level of a later season is the calibrator's business: stop on the ranking
    "probability": ("cross_entropy", "auc", "logit"),
    "log_amount": ("l2", "l2", "identity"),
}


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """A blend and the choices a refit repeats."""

    kind: Kind
    text: str
    rounds: int
    linear: Linear
    share: float

    @property
    def blend(self) -> Blend:
        """The blend as the predictors use it."""
        return Blend(Trees(self.text), self.linear, self.share)

    def files(self, stem: str) -> dict[str, str]:
        """``<stem>.txt`` and ``<stem>.json``."""
        linear = self.linear.to_json() if self.share < 1 else None
        content = json.dumps({"share": self.share, "linear": linear}, indent=1)
        return {f"{stem}.txt": self.text, f"{stem}.json": content}


def choose(
    kind: Kind, rows: Rows, validation: Rows, features: Sequence[ModelFeature], seed: int
) -> FittedBlend:
    """Rounds by early stopping and the trees' share, both on later customers."""
    objective, metric, link = _OBJECTIVES[kind]
    boosted = boosting.fit_stopping_early(
        objective, rows, validation, features, seed, metric=metric
    )
    linear = ridge.fit(link, rows, features, seed)
    trees, straight = Trees(boosted.text).raw(validation.matrix), linear.raw(validation.matrix)
    losses = {
        share: _loss(kind, share * trees + (1 - share) * straight, validation) for share in SHARES
    }
    # half and half unless another share is clearly better: the split is one season of many
    best = min(losses, key=lambda share: losses[share])
    share = best if losses[best] < losses[0.5] * 0.998 else 0.5
    return FittedBlend(kind, boosted.text, boosted.rounds, linear, share)


def refit(
    chosen: FittedBlend, rows: Rows, features: Sequence[ModelFeature], seed: int
) -> FittedBlend:
    """The same choices on other rows."""
    objective, _, link = _OBJECTIVES[chosen.kind]
    boosted = boosting.fit(objective, rows, features, seed, rounds=chosen.rounds)
    linear = ridge.fit(link, rows, features, seed)
    return FittedBlend(chosen.kind, boosted.text, chosen.rounds, linear, chosen.share)


def _loss(kind: Kind, score: Floats, rows: Rows) -> float:
    if kind == "log_amount":
        centred = (rows.target - score) - np.average(rows.target - score, weights=rows.weight)
        return float(np.average(centred**2, weights=rows.weight))
    p = np.clip(platt(score, rows.target, rows.weight).probability(score), 1e-12, 1 - 1e-12)
    cross = rows.target * np.log(p) + (1 - rows.target) * np.log1p(-p)
    return float(-np.average(cross, weights=rows.weight))
