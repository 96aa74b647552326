"""Fits of the next items: a coarse score, LambdaMART, a calibration, and one for categories.

LambdaMART: C. Burges, From RankNet to LambdaRank to LambdaMART (2010), as LightGBM has it.
"""

from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from retain.items import candidates, categories
from retain.items.logistic import Logistic
from retain.items.tables import Floats
from training import items_rules
from training.items_data import Interactions
from training.items_material import Part, Scored, scored

ROUNDS = 40

_COARSE_ORDERS = 2_000
_PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 2 * items_rules.K,
    "learning_rate": 0.12,
    "num_leaves": 8,
    "min_data_in_leaf": 50,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def coarse(given: Interactions, part: Part, seed: int) -> Floats:
    """Weights of the score that chooses which candidates the trees see."""
    found = scored(given, part, None)
    rows = np.unique(found.rows)
    if len(rows) > _COARSE_ORDERS:
        rows = np.random.default_rng(seed).choice(rows, _COARSE_ORDERS, replace=False)
    kept = np.isin(found.rows, rows)
    return _logistic(found.matrix[kept], found.target[kept]).weights


def ranker(given: Scored, seed: int) -> str:
    """The trees as text."""
    groups = np.unique(given.rows, return_counts=True)[1]
    data = lightgbm.Dataset(
        given.matrix, given.target, group=groups, feature_name=list(candidates.FEATURES)
    )
    booster = lightgbm.train(_PARAMETERS | {"seed": seed}, data, num_boost_round=ROUNDS)
    text: str = booster.model_to_string()
    return text


def _logistic(matrix: Floats, target: Floats) -> Logistic:
    """A weakly penalised fit; where only one outcome is there, its rate."""
    if target.min(initial=1.0) == target.max(initial=0.0):
        rate = float(np.clip(target.mean() if len(target) else 0.0, 1e-6, 1.0 - 1e-6))
        return Logistic(np.zeros(matrix.shape[1]), float(np.log(rate / (1.0 - rate))))
    spread = np.maximum(matrix.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=1.0, max_iter=300).fit(matrix / spread, target)
    return Logistic(fitted.coef_[0] / spread, float(fitted.intercept_[0]))


def calibration(given: Scored, raw: Floats, rows: NDArray[np.bool_]) -> Logistic:
    """From the trees' scores to probabilities, fitted on ``rows``."""
    found = _logistic(with_score(given, raw)[rows], given.target[rows])
    # a product must not become likelier than one the trees put before it
    return Logistic(np.append(max(found.weights[0], 1e-3), found.weights[1:]), found.intercept)


def with_score(given: Scored, raw: Floats) -> Floats:
    """What the calibration reads, (m, 3)."""
    return np.column_stack([raw, given.context[:, 1:]])


def of_categories(given: Interactions, part: Part) -> Logistic | None:
    """The model of categories; None where the orders name none, or all the same."""
    matrix, target, _ = category_rows(given, part)
    if not len(target) or target.min() == target.max():
        return None
    return _logistic(matrix, target)


def category_rows(given: Interactions, part: Part) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Every order with every category: features, whether it held it, and the order."""
    code = {name: place for place, name in enumerate(given.category_names)}
    matrices, targets, rows = [], [], []
    every = len(given.category_names)
    for of, known, tables in part.histories():
        codes = np.array([code[name] for name in tables.categories], dtype=np.int64)
        matrices.append(categories.matrix(known, tables))
        placed = np.repeat(of, len(codes))
        bought = part.asked.category_rows * (every + 1) + part.asked.categories
        targets.append(np.isin(placed * (every + 1) + np.tile(codes, len(of)), bought))
        rows.append(placed)
    return np.concatenate(matrices), np.concatenate(targets).astype(float), np.concatenate(rows)
