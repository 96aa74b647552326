"""Fits of :class:`retain.predictors.blend.Blend`: trees, ridge and BG/NBD, by time-split loss."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.blend import Blend, Member
from retain.predictors.btyd import OrderOdds
from retain.predictors.linear import Linear
from retain.predictors.trees import Floats, Trees
from training import boosting, ridge
from training.boosting import Rows
from training.calibration import platt

Kind = Literal["probability", "log_amount"]
Shares = tuple[float, float, float]
"""Weights of trees, ridge and BG/NBD; they sum to one."""

_THIRD = 1.0 / 3.0
# the first stands unless another is clearly better: a validation is one season of many
_SHARES: tuple[Shares, ...] = (
    (_THIRD, _THIRD, _THIRD),
    (0.5, 0.25, 0.25),
    (0.25, 0.25, 0.5),
    (0.5, 0.5, 0.0),
    (0.0, 0.5, 0.5),
    (1.0, 0.0, 0.0),
)
_SHARES_OF_TWO: tuple[Shares, ...] = (
    (0.5, 0.5, 0.0),
    (0.25, 0.75, 0.0),
    (0.75, 0.25, 0.0),
    (1.0, 0.0, 0.0),
)
_CLEARLY = 0.99

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
    odds: OrderOdds | None
    shares: Shares

    @property
    def blend(self) -> Blend:
        """The blend as the predictors use it."""
        members: list[tuple[Member | None, float]] = list(
            zip((Trees(self.text), self.linear, self.odds), self.shares, strict=True)
        )
        return Blend(tuple((one, share) for one, share in members if one and share))

    @property
    def named_shares(self) -> dict[str, float]:
        """Weights by member, without who has none."""
        named = zip(("trees", "linear", "btyd"), self.shares, strict=True)
        return {name: share for name, share in named if share}

    def files(self, stem: str) -> dict[str, str]:
        """``<stem>.txt`` and ``<stem>.json``."""
        shares = self.named_shares
        content = {
            "shares": shares,
            "linear": self.linear.to_json() if "linear" in shares else None,
            "btyd": self.odds.to_json() if self.odds and "btyd" in shares else None,
        }
        return {f"{stem}.txt": self.text, f"{stem}.json": json.dumps(content, indent=1)}


def choose(  # noqa: PLR0917
    kind: Kind,
    rows: Rows,
    validation: Rows,
    features: Sequence[ModelFeature],
    seed: int,
    odds: OrderOdds | None = None,
) -> FittedBlend:
    """Rounds by early stopping and the members' shares, both on later customers."""
    objective, metric, link = _OBJECTIVES[kind]
    boosted = boosting.fit_stopping_early(
        objective, rows, validation, features, seed, metric=metric
    )
    linear = ridge.fit(link, rows, features, seed)
    members: list[Member] = [Trees(boosted.text), linear, *([odds] if odds else [])]
    scores = np.column_stack([member.raw(validation.matrix) for member in members])
    losses = {
        shares: _loss(kind, scores @ np.array(shares[: len(members)]), validation)
        for shares in (_SHARES if odds else _SHARES_OF_TWO)
    }
    usual, best = next(iter(losses)), min(losses, key=lambda shares: losses[shares])
    shares = best if losses[best] < losses[usual] * _CLEARLY else usual
    return FittedBlend(kind, boosted.text, boosted.rounds, linear, odds, shares)


def refit(
    chosen: FittedBlend,
    rows: Rows,
    features: Sequence[ModelFeature],
    seed: int,
    odds: OrderOdds | None = None,
) -> FittedBlend:
    """The same choices on other rows; ``odds`` of their own time takes the place of the chosen."""
    objective, _, link = _OBJECTIVES[chosen.kind]
    boosted = boosting.fit(objective, rows, features, seed, rounds=chosen.rounds)
    linear = ridge.fit(link, rows, features, seed)
    return FittedBlend(
        chosen.kind, boosted.text, chosen.rounds, linear, odds or chosen.odds, chosen.shares
    )


def _loss(kind: Kind, score: Floats, rows: Rows) -> float:
    if kind == "log_amount":
        centred = (rows.target - score) - np.average(rows.target - score, weights=rows.weight)
        return float(np.average(centred**2, weights=rows.weight))
    p = np.clip(platt(score, rows.target, rows.weight).probability(score), 1e-12, 1 - 1e-12)
    cross = rows.target * np.log(p) + (1 - rows.target) * np.log1p(-p)
    return float(-np.average(cross, weights=rows.weight))
