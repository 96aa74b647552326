"""One customer's lifetime value in plain numbers.

The counterpart for n customers is :meth:`retain.predictors.ltv.LtvPredictor.value`.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from retain import native
from retain.one.curves import YearlyOfOne
from retain.predictors.blend import Blend
from retain.predictors.calibrator import sigmoid
from retain.predictors.ltv import LtvPredictor

Ends = tuple[float, float, float]
_COMPILED = native.compiled("worth")


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
        self.ends: Callable[[float, float, int], Ends] = self.around
        made = None if _COMPILED is None else native.made(self.compiled, _COMPILED)
        if made is not None:
            self.ends = made.of

    def of(self, scores: list[float], moment: int) -> LtvOfOne:
        """The value of a customer with these scores by :attr:`blends`, at ``moment``."""
        value, low, high = self.ends(scores[0], scores[-1], moment)
        return LtvOfOne(value, low, high, self._tiers[bisect_right(self._edges, value)])

    def around(self, amount: float, buys: float, moment: int) -> Ends:
        """The value, and the ends of its interval; ``buys`` is of a hurdle."""
        value = self._level * np.exp(amount).item()
        if self._buys is not None:
            platt = self._buys
            value *= sigmoid(platt.slope * buys + platt.offset).item()  # type: ignore[arg-type]
        value *= self._season.at(moment)[0]
        place, own = np.log(max(value, 1e-9)), self._interval
        low = value * np.interp(place, own.log_values, own.low_ratios).item()
        high = value * np.interp(place, own.log_values, own.high_ratios).item()
        return value, min(low, value), max(high, value)

    def compiled(self, module: Any) -> Any:
        """The same in C, as ``of``."""
        buys, own = self._buys, self._interval
        return module.Worth(
            self._level,
            buys is not None,
            0.0 if buys is None else buys.slope,
            0.0 if buys is None else buys.offset,
            self._season.since,
            self._season.rows,
            own.log_values,
            own.low_ratios,
            own.high_ratios,
        )
