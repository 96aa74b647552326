"""Prediction intervals by split-conformal quantiles of outcome ÷ prediction."""

import numpy as np

from retain.predictors.ltv import Interval
from retain.predictors.trees import Floats

COVERAGE = 0.8
_GROUPS = 10
_FEWEST_PER_GROUP = 50


def fit(predicted: Floats, outcome: Floats, coverage: float = COVERAGE) -> Interval:
    """Ratios at the interval's ends by groups of predicted value (Mondrian conformal).

    The rows must be later than, or other than, those the prediction was fitted on. Where a
    tenth or more of a group brought nothing, its interval begins at zero and all that is left
    out is above it; elsewhere half is left out at each end.
    """
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // _FEWEST_PER_GROUP, 1, _GROUPS)))
    tail = (1.0 - coverage) / 2.0
    centers, lows, highs = [], [], []
    for group in groups:
        expected = np.maximum(predicted[group], 1e-9)
        ratios = np.sort(outcome[group] / expected)
        low = max(_ranked(ratios, np.floor((len(ratios) + 1) * tail)), 0.0)
        reach = coverage if low == 0.0 else 1.0 - tail
        centers.append(float(np.log(expected).mean()))
        lows.append(low)
        highs.append(_ranked(ratios, np.ceil((len(ratios) + 1) * reach)))
    return Interval(np.array(centers), np.array(lows), np.array(highs))


def _ranked(ascending: Floats, rank: float) -> float:
    return float(ascending[int(np.clip(rank - 1, 0, len(ascending) - 1))])


def coverage_of(interval: Interval, predicted: Floats, outcome: Floats) -> Floats:
    """1 where the outcome lies in its interval, (n,); returns beyond orders count as zero."""
    low, high = interval.around(predicted)
    inside = (np.maximum(outcome, 0.0) >= low) & (outcome <= high)
    return inside.astype(np.float64)
