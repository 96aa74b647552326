"""Horizons longer than the history: learned on the longest label there is, stretched by BG/NBD.

BG/NBD knows how orders thin out as customers leave, so it says how many more of them order, and
how much more often, in the longer window than in the one that was seen.
"""

from dataclasses import replace

import numpy as np

from retain.predictors.btyd import OrderOdds
from retain.predictors.survival import Hazards
from retain.predictors.trees import Floats
from training.btyd import BgNbd
from training.hazards import MOST_CERTAIN, mean_probability

_STEPS = 60
_WIDEST = 30.0


def buyers(odds: OrderOdds, matrix: Floats, label_days: float, asked_days: float) -> float:
    """How many times as many customers order within the asked days as within the label's."""
    past = odds.past(matrix)
    near, far = (
        odds.model.probability_order(*past, days).mean() for days in (label_days, asked_days)
    )
    return float(far / near)


def orders(odds: OrderOdds | None, matrix: Floats, label_days: float, asked_days: float) -> float:
    """How many times as many orders they place; without BG/NBD as many a day as before."""
    if odds is None:
        return asked_days / label_days
    model, past = odds.model, odds.past(matrix)
    expecting = BgNbd(model.r, model.alpha, model.a, model.b)
    near, far = (expecting.expected_orders(*past, days).sum() for days in (label_days, asked_days))
    return float(np.clip(far / near, 1.0, asked_days / label_days))


def hazards(curve: Hazards, score: Floats, asked_days: float, times: float) -> Hazards:
    """One bin more, up to the asked days, in which so many times as many have ordered at last."""
    wanted = min(times * mean_probability(curve, score), MOST_CERTAIN)
    low, high = -_WIDEST, _WIDEST
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        found = _longer(curve, asked_days, middle)
        reached = mean_probability(found, score)
        low, high = (middle, high) if reached < wanted else (low, middle)
    return _longer(curve, asked_days, (low + high) / 2.0)


def _longer(curve: Hazards, asked_days: float, offset: float) -> Hazards:
    return replace(
        curve,
        ends=np.append(curve.ends, asked_days),
        offsets=np.append(curve.offsets, offset),
        slopes=np.append(curve.slopes, curve.slopes[-1]),
    )
