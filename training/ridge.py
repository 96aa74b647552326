"""Ridge fits of :class:`retain.predictors.linear.Linear`: logistic, or least squares."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from retain.manifest import ModelFeature
from retain.predictors.calibrator import sigmoid
from retain.predictors.linear import Linear, standardised
from retain.predictors.trees import Floats
from training.boosting import Rows

Link = Literal["logit", "identity"]

PENALTY: dict[Link, float] = {"logit": 100.0, "identity": 1000.0}
MOST_ROWS = 20_000
_STEPS = 25
_HALVINGS = 20
_CONVERGED = 1e-8


def fit(link: Link, rows: Rows, features: Sequence[ModelFeature], seed: int) -> Linear:
    """Iteratively reweighted least squares on at most 20,000 rows; categories are left out.

    With ``logit`` the target is a share in [0, 1] and the weight its number of trials.
    """
    if len(rows.target) > MOST_ROWS:
        kept = np.random.default_rng(seed).choice(len(rows.target), MOST_ROWS, replace=False)
        rows = Rows(rows.matrix[kept], rows.target[kept], rows.weight[kept])
    width = rows.matrix.shape[1]
    numeric = np.array([feature.dtype != "category" for feature in features])
    missing = np.isnan(rows.matrix)
    center, scale = _center_and_scale(rows.matrix)
    gaps = np.flatnonzero(numeric & missing.any(axis=0))
    given = np.flatnonzero(numeric)
    design = np.column_stack(
        [
            np.ones(len(rows.target)),
            standardised(rows.matrix, center, scale)[:, given],
            missing[:, gaps],
        ]
    )
    solved = _solve(link, design, rows.target, rows.weight)
    weights, absent = np.zeros(width), np.zeros(width)
    weights[given] = solved[1 : len(given) + 1]
    absent[gaps] = solved[len(given) + 1 :]
    return Linear(center, scale, weights, absent, float(solved[0]))


def _center_and_scale(matrix: Floats) -> tuple[Floats, Floats]:
    logs = np.copysign(np.log1p(np.abs(matrix)), matrix)
    known = ~np.isnan(logs)
    counts = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, logs, 0.0).sum(axis=0) / counts
    spread = np.sqrt((np.where(known, logs - center, 0.0) ** 2).sum(axis=0) / counts)
    return center, np.where(spread > 1e-9, spread, 1.0)


def _solve(link: Link, design: Floats, target: Floats, weight: Floats) -> Floats:
    penalty = np.full(design.shape[1], PENALTY[link])
    penalty[0] = 1e-6
    beta = np.zeros(design.shape[1])
    if link == "logit":
        rate = (weight @ target + 0.5) / (weight.sum() + 1.0)
        beta[0] = np.log(rate / (1.0 - rate))
    fitted = design @ beta
    loss = _loss(beta, fitted, target, weight, penalty)
    for _ in range(_STEPS):
        expected = sigmoid(fitted) if link == "logit" else fitted
        curvature = weight * (expected * (1.0 - expected) if link == "logit" else 1.0)
        gradient = design.T @ (weight * (target - expected)) - penalty * beta
        hessian = (design * curvature[:, None]).T @ design
        hessian[np.diag_indices_from(hessian)] += penalty
        step = cho_solve(cho_factor(hessian), gradient)
        if link == "identity":
            return np.asarray(beta + step, dtype=np.float64)
        # a full Newton step overshoots where one outcome is rare: halve it until it gains
        move = design @ step
        for _ in range(_HALVINGS):
            tried = _loss(beta + step, fitted + move, target, weight, penalty)
            if tried <= loss:
                break
            step, move = step / 2.0, move / 2.0
        beta, fitted, gained, loss = beta + step, fitted + move, loss - tried, tried
        if gained < _CONVERGED * max(abs(loss), 1.0):
            break
    return beta


def _loss(beta: Floats, fitted: Floats, target: Floats, weight: Floats, penalty: Floats) -> float:
    likelihood = weight @ (target * fitted - np.logaddexp(0.0, fitted))
    return float(0.5 * penalty @ beta**2 - likelihood)
