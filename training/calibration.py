"""Calibrators fitted on customers later than those the model was fitted on."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from retain.predictors.calibrator import Calibrator, Isotonic, Platt, sigmoid
from retain.predictors.trees import Floats
from training.metrics import LOG_LOSS, measure

_FEWEST_FOR_ISOTONIC = 1_000
_FEWEST_PER_STEP = 30
_CLEARLY = 0.998  # steps cost some ranking: they have to be worth it


def platt(logit: Floats, target: Floats, weight: Floats | None = None) -> Platt:
    """Maximum likelihood with a weak prior on slope 1; ``target`` may be a share."""
    weight = np.ones(len(target)) if weight is None else weight

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, offset = parameters
        p = np.clip(sigmoid(slope * logit + offset), 1e-12, 1 - 1e-12)
        value = -(weight * (target * np.log(p) + (1 - target) * np.log1p(-p))).sum()
        error = weight * (p - target)
        prior = slope - 1.0
        gradient = np.array([(error * logit).sum() + prior, error.sum()])
        return float(value + 0.5 * prior**2), gradient

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20.0), (-20, 20)]
    )
    return Platt(float(found.x[0]), float(found.x[1]))


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
