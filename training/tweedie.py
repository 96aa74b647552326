"""Tweedie: one model of an amount that is often zero."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.btyd import OrderOdds
from retain.predictors.trees import Floats, Trees
from training import boosting
from training.boosting import Boosted, Rows

Features = Sequence[ModelFeature]
_POWER = {"tweedie_variance_power": 1.5}


@dataclass(frozen=True, slots=True)
class Tweedie:
    """One model of the mean of a compound Poisson-gamma amount (Jørgensen 1987)."""

    boosted: Boosted
    level: float = 1.0
    kind: str = "tweedie"

    def value(self, matrix: Floats) -> Floats:
        """Expected net revenue, (n,)."""
        return np.asarray(self.level * np.exp(Trees(self.boosted.text).raw(matrix)))

    def refit(
        self,
        rows: Rows,
        features: Features,
        seed: int,
        odds: OrderOdds | None = None,  # noqa: ARG002
    ) -> "Tweedie":
        """The same choices on other rows."""
        boosted = boosting.fit(
            "tweedie",
            _without_returns(rows),
            features,
            seed,
            rounds=self.boosted.rounds,
            parameters=_POWER,
        )
        return Tweedie(boosted).levelled(rows)

    def levelled(self, rows: Rows) -> "Tweedie":
        """At the total of these rows, returns subtracted."""
        return self.scaled(float(rows.target.sum() / self.value(rows.matrix).sum()))

    def scaled(self, factor: float) -> "Tweedie":
        """Every value multiplied by ``factor``."""
        return replace(self, level=self.level * factor)

    def files(self) -> dict[str, str]:
        """The files of the predictor."""
        return {
            "model.txt": self.boosted.text,
            "model.json": json.dumps({"shares": {"trees": 1.0}}),
            "value.json": json.dumps({"kind": self.kind, "level": self.level}, indent=1),
        }


def choose(
    rows: Rows,
    later: Rows,
    features: Features,
    seed: int,
    odds: OrderOdds | None = None,  # noqa: ARG001
) -> Tweedie:
    """Rounds from the later rows."""
    boosted = boosting.fit_stopping_early(
        "tweedie",
        _without_returns(rows),
        _without_returns(later),
        features,
        seed,
        metric="tweedie",
        parameters=_POWER,
    )
    return Tweedie(boosted).levelled(rows)


def _without_returns(rows: Rows) -> Rows:
    return Rows.of(rows.matrix, np.maximum(rows.target, 0.0)).tuned(rows.trees)
