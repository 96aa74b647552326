"""Fits of :class:`retain.predictors.survival.Hazards`, and the rows they are made from."""

from dataclasses import replace

import numpy as np

from retain.predictors.survival import Hazards
from retain.predictors.trees import Floats
from training.boosting import Rows
from training.calibration import platt

BIN_ENDS = (7.0, 14.0, 21.0, 30.0, 45.0, 60.0, 75.0, 90.0)
LONGER_BIN_DAYS = 30.0
_SMALLEST_HAZARD = 1e-4
_TAIL_SHARE = 0.5
_HALVINGS = 60
_WIDEST = 30.0
MOST_CERTAIN = 0.999


def bin_ends(horizon_days: int) -> Floats:
    """Bins of a week at first, then of half a month, then of a month, up to the horizon."""
    ends = [end for end in BIN_ENDS if end < horizon_days]
    while ends and ends[-1] >= BIN_ENDS[-1] and ends[-1] + LONGER_BIN_DAYS < horizon_days:
        ends.append(ends[-1] + LONGER_BIN_DAYS)
    return np.array([*ends, float(horizon_days)])


def grouped(matrix: Floats, days_to_order: Floats, ends: Floats) -> Rows:
    """Person-period rows, one per customer: with proportional odds all its bins share a score.

    A customer at risk in k bins is one row with weight k and the share of them in which it
    ordered (0 or 1/k): the likelihood of the k person-period rows, at one row instead of k.
    """
    at_risk, ordered = periods(days_to_order, ends)
    trials = at_risk.sum(axis=1)
    return Rows(matrix, ordered.sum(axis=1) / trials, trials)


def periods(days_to_order: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Whether each customer was at risk in each bin, and ordered in it: two (n, k) of 0 and 1."""
    starts = np.concatenate([[0.0], ends[:-1]])
    days = np.where(np.isnan(days_to_order), np.inf, days_to_order)[:, None]
    at_risk = days > starts
    return at_risk.astype(np.float64), (at_risk & (days <= ends)).astype(np.float64)


def fit(score: Floats, days_to_order: Floats, ends: Floats) -> Hazards:
    """Offset and slope of every bin by maximum likelihood over the customers at risk in it.

    Args:
        score: (n,), of customers later than those the score was fitted on.
        days_to_order: NaN where no order came by the last bin's end, (n,).
        ends: last day of each bin, (k,).
    """
    at_risk, ordered = periods(days_to_order, ends)
    offsets, slopes = [], []
    for place in range(len(ends)):
        risk = at_risk[:, place] > 0
        events = ordered[risk, place]
        # a bin nobody ordered in still has a hazard
        floor = _SMALLEST_HAZARD * max(1.0 - events.sum(), 0.0)
        fitted = platt(score[risk], np.clip(events, floor, 1.0))
        offsets.append(fitted.offset)
        slopes.append(fitted.slope)
    tail_from = int(np.searchsorted(ends, _TAIL_SHARE * ends[-1], side="left"))
    return Hazards(ends, np.array(offsets), np.array(slopes), min(tail_from + 1, len(ends) - 1))


def mean_probability(curve: Hazards, score: Floats) -> float:
    """Of an order by the last bin's end, of the customers with these scores, (n,)."""
    return float(-np.expm1(-curve.cumulative(score)[:, len(curve.ends)]).mean())


def levelled(curve: Hazards, score: Floats, factor: float) -> Hazards:
    """The curve with every bin's offset moved alike, so that ``factor`` times as many order."""
    if factor == 1.0:
        return curve
    wanted = min(factor * mean_probability(curve, score), MOST_CERTAIN)
    low, high = -_WIDEST, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        reached = mean_probability(replace(curve, offsets=curve.offsets + middle), score)
        low, high = (middle, high) if reached < wanted else (low, middle)
    return replace(curve, offsets=curve.offsets + (low + high) / 2.0)
