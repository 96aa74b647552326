"""Calibrators fitted on customers later than those the model was fitted on."""

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from retain.predictors.calibrator import Calibrator, Isotonic, Platt, sigmoid
from retain.predictors.trees import Floats
from training.metrics import LOG_LOSS, measure

_SMALLEST_SLOPE = 0.05
_STEPS = 50
_HALVINGS = 20
_CONVERGED = 1e-8
_FEWEST_FOR_ISOTONIC = 1_000
_FEWEST_PER_STEP = 30
_CLEARLY = 0.998  # steps cost some ranking: they have to be worth it


def platt(logit: Floats, target: Floats, weight: Floats | None = None) -> Platt:
    """Maximum likelihood by Newton's method, with a weak prior on slope 1.

    ``target`` may be a share. A slope that would reverse the order is held just above zero.
    """
    weight = np.ones(len(target)) if weight is None else weight
    found = _newton(logit, target, weight, slope=None)
    if found.slope < _SMALLEST_SLOPE:
        found = _newton(logit, target, weight, slope=_SMALLEST_SLOPE)
    return found


def _newton(logit: Floats, target: Floats, weight: Floats, slope: float | None) -> Platt:
    # from the base rate: far from it the curvature is too flat to be led by
    rate = float((weight * target).sum() + 0.5) / float(weight.sum() + 1.0)
    start = 0.0 if slope is None else slope
    center = float((weight * logit).sum() / max(weight.sum(), 1e-9))
    beta = np.array([start, np.log(rate / (1.0 - rate)) - start * center])
    loss = _penalised(beta, logit, target, weight)
    for _ in range(_STEPS):
        p = sigmoid(beta[0] * logit + beta[1])
        error, curvature = weight * (p - target), weight * p * (1.0 - p)
        gradient = np.array([(error * logit).sum() + beta[0] - 1.0, error.sum()])
        cross = (curvature * logit).sum()
        hessian = np.array(
            [[(curvature * logit**2).sum() + 1.0, cross], [cross, curvature.sum() + 1e-9]]
        )
        if slope is None:
            step = np.linalg.solve(hessian, gradient)
        else:
            step = np.array([0.0, gradient[1] / hessian[1, 1]])
        for _ in range(_HALVINGS):
            tried = _penalised(beta - step, logit, target, weight)
            if tried <= loss:
                break
            step = step / 2.0
        else:
            break
        beta, loss = beta - step, tried
        if np.abs(step).max() < _CONVERGED:
            break
    return Platt(float(beta[0]), float(beta[1]))


def _penalised(beta: Floats, logit: Floats, target: Floats, weight: Floats) -> float:
    score = beta[0] * logit + beta[1]
    likelihood = (weight * (target * score - np.logaddexp(0.0, score))).sum()
    return float(0.5 * (beta[0] - 1.0) ** 2 - likelihood)


def isotonic(logit: Floats, target: Floats) -> Isotonic:
    """A monotone fit over groups of at least 30 customers, kept off 0 and 1."""
    order = np.argsort(logit, kind="stable")
    groups = np.array_split(order, max(2, min(200, len(order) // _FEWEST_PER_STEP)))
    centers = np.array([logit[group].mean() for group in groups])
    rates = np.array([target[group].mean() for group in groups])
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    floor = 0.5 / len(order)
    fitted = IsotonicRegression(y_min=floor, y_max=1 - floor).fit_transform(
        centers, rates, sample_weight=sizes
    )
    kept = np.concatenate([[True], np.diff(centers) > 0])
    return Isotonic(centers[kept], np.asarray(fitted, dtype=np.float64)[kept])


def choose(logit: Floats, target: Floats, customers: NDArray[np.object_]) -> Calibrator:
    """Platt, or isotonic where its log-loss on customers not fitted on is clearly lower."""
    if len(target) >= _FEWEST_FOR_ISOTONIC:
        half = np.unique(customers, return_inverse=True)[1] % 2 == 0
        losses = {
            name: sum(
                measure(
                    LOG_LOSS,
                    target[~fold],
                    fit(logit[fold], target[fold]).probability(logit[~fold]),
                )
                for fold in (half, ~half)
            )
            for name, fit in (("isotonic", isotonic), ("platt", platt))
        }
        if losses["isotonic"] < losses["platt"] * _CLEARLY:
            return isotonic(logit, target)
    return platt(logit, target)
