"""One customer's lifetime value in plain numbers.

The counterpart for n customers is :meth:`retain.predictors.ltv.LtvPredictor.value`.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from retain.one.curves import YearlyOfOne
from retain.predictors.blend import Blend
from retain.predictors.calibrator import sigmoid
from retain.predictors.ltv import LtvPredictor


class LtvOfOne(NamedTuple):
    """Expected net revenue, its interval, and the tier's name."""

    value: float
    low: float
    high: float
    tier: str


class Worth:
    """What a customer's scores are worth."""

    def __init__(self, predictor: LtvPredictor) -> None:
        self._level = predictor.level
        self._buys = predictor.buys
        self._season = YearlyOfOne(predictor.yearly)
        self._interval = predictor.interval
        self._tiers = predictor.tier_names
        self._edges = predictor.tier_edges
        self.blends: tuple[Blend, ...] = predictor.blends

    def of(self, scores: list[float], moment: int) -> LtvOfOne:
        """The value of a customer with these scores by :attr:`blends`, at ``moment``."""
        value = self._level * np.exp(scores[0]).item()
        if self._buys is not None:
            platt = self._buys
            value *= sigmoid(platt.slope * scores[1] + platt.offset).item()  # type: ignore[arg-type]
        value *= self._season.at(moment)[0]
        place, own = np.log(max(value, 1e-9)), self._interval
        low = value * np.interp(place, own.log_values, own.low_ratios).item()
        high = value * np.interp(place, own.log_values, own.high_ratios).item()
        tier = self._tiers[bisect_right(self._edges, value)]
        return LtvOfOne(value, min(low, value), max(high, value), tier)
