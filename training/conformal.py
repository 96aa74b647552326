"""Prediction intervals by split-conformal quantiles of outcome ÷ prediction."""

from collections.abc import Sequence

import numpy as np

from retain.predictors.ltv import Interval
from retain.predictors.trees import Floats

COVERAGE = 0.8
LEAST_COVERAGE = 0.77
_GROUPS = 10
_FEWEST_PER_GROUP = 50


def fit(predicted: Floats, outcome: Floats, coverage: float = COVERAGE) -> Interval:
    """Ratios at the interval's ends by groups of predicted value (Mondrian conformal).

    The rows must be later than, or other than, those the prediction was fitted on. Where a
    tenth or more of a group brought nothing, its interval begins at zero and all that is left
    out is above it; elsewhere half is left out at each end. Where nearly nobody buys, zero to
    the prediction holds more than asked for; the others then hold a little less, so that all
    customers together come near ``coverage``.
    """
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // _FEWEST_PER_GROUP, 1, _GROUPS)))
    scaled = [np.maximum(predicted[group], 1e-9) for group in groups]
    found = [
        np.sort(outcome[group] / expected) for group, expected in zip(groups, scaled, strict=True)
    ]
    coverage = _left_for_others(found, coverage)
    tail = (1.0 - coverage) / 2.0
    centers, lows, highs = [], [], []
    for expected, ratios in zip(scaled, found, strict=True):
        low = max(_ranked(ratios, np.floor((len(ratios) + 1) * tail)), 0.0)
        reach = coverage if low == 0.0 else 1.0 - tail
        centers.append(float(np.log(expected).mean()))
        lows.append(low)
        highs.append(_ranked(ratios, np.ceil((len(ratios) + 1) * reach)))
    return Interval(np.array(centers), np.array(lows), np.array(highs))


def _left_for_others(found: Sequence[Floats], coverage: float) -> float:
    """What groups may hold whose interval has to reach beyond its prediction.

    An interval holds its own prediction, so a group holds no less than its ratios up to one.
    """
    held = np.array([(ratios <= 1.0).mean() for ratios in found])
    more = held > coverage
    if more.all():
        return coverage
    left = (coverage * len(held) - held[more].sum()) / (~more).sum()
    return float(np.clip(left, min(LEAST_COVERAGE, coverage), coverage))


def _ranked(ascending: Floats, rank: float) -> float:
    return float(ascending[int(np.clip(rank - 1, 0, len(ascending) - 1))])


def coverage_of(interval: Interval, predicted: Floats, outcome: Floats) -> Floats:
    """1 where the outcome lies in its interval, (n,); returns beyond orders count as zero."""
    low, high = interval.around(predicted)
    inside = (np.maximum(outcome, 0.0) >= low) & (outcome <= high)
    return inside.astype(np.float64)
