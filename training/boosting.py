"""LightGBM fits: small, strongly regularised trees, seeded and repeatable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm
import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.trees import Floats

MOST_ROUNDS = 300
FEWEST_ROUNDS = 80  # fewer by the luck of one season left most features unread
PATIENCE = 30

# one thread: two spin against each other on a busy machine (8 times the CPU was measured), and
# heads train side by side. Small trees: on order-only data plain ones are not ahead of a
# logistic regression; few leaves, many rows in each and other features every round are
_PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 6,
    "feature_fraction": 0.35,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "max_cat_to_onehot": 8,
    "cat_smooth": 50.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What a fit sees: an (n, d) matrix, a target and a weight per row.

    ``trees`` are parameters that a search found better for them than what stands here.
    """

    matrix: Floats
    target: Floats
    weight: Floats
    trees: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, matrix: Floats, target: Floats) -> "Rows":
        """Every row counts once."""
        return cls(matrix, target, np.ones(len(target)))

    def tuned(self, trees: Mapping[str, Any]) -> "Rows":
        """The same rows, to be fitted with other parameters."""
        return replace(self, trees=trees)


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted model as text, and how many rounds it took."""

    text: str
    rounds: int


def fit(
    objective: str,
    rows: Rows,
    features: Sequence[ModelFeature],
    seed: int,
    *,
    rounds: int,
    parameters: dict[str, Any] | None = None,
) -> Boosted:
    """A fit of exactly ``rounds`` rounds."""
    settings = _settings(objective, rows, seed, parameters)
    booster = lightgbm.train(settings, _dataset(rows, features), num_boost_round=rounds)
    return Boosted(_text(booster, rounds), rounds)


def fit_stopping_early(
    objective: str,
    rows: Rows,
    validation: Rows,
    features: Sequence[ModelFeature],
    seed: int,
    *,
    metric: str,
    parameters: dict[str, Any] | None = None,
) -> Boosted:
    """A fit stopped when ``metric`` on later customers has not improved for 30 rounds."""
    settings = _settings(objective, rows, seed, parameters) | {"metric": metric}
    training = _dataset(rows, features)
    booster = lightgbm.train(
        settings,
        training,
        num_boost_round=MOST_ROUNDS,
        valid_sets=[_dataset(validation, features, training)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    best = max(booster.best_iteration, FEWEST_ROUNDS)
    return Boosted(_text(booster, best), best)


def _settings(
    objective: str, rows: Rows, seed: int, parameters: dict[str, Any] | None
) -> dict[str, Any]:
    leaf = int(np.clip(len(rows.target) / 200, 20, 500))
    own = {"objective": objective, "seed": seed, "min_data_in_leaf": leaf}
    return _PARAMETERS | own | (parameters or {}) | dict(rows.trees)


def _dataset(
    rows: Rows, features: Sequence[ModelFeature], reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    categories = [at for at, feature in enumerate(features) if feature.dtype == "category"]
    return lightgbm.Dataset(
        rows.matrix,
        rows.target,
        weight=rows.weight,
        reference=reference,
        categorical_feature=categories or "auto",
        feature_name=[feature.name for feature in features],
    )


def _text(booster: lightgbm.Booster, rounds: int) -> str:
    text: str = booster.model_to_string(num_iteration=rounds)
    return text
