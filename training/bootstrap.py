"""95 % intervals by resampling customers: a customer's rows stay together.

Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), percentile intervals and
their correction for bias and skewness (14.3); resampling whole customers is their bootstrap of
clusters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.metrics import Metric, Statistic

__all__ = ["REPLICATES", "Bootstrap", "Comparison", "Statistic"]

REPLICATES = 300
_QUANTILES = (0.025, 0.975)
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model and a rule on the same rows; ``difference`` is paired and positive if better.

    Attributes:
        p_value: two-sided, of no difference, from the replicates' spread (normal approximation,
            because a count of replicates could never be smaller than one in their number).
    """

    model: Measured
    rule: Measured
    difference: Measured
    p_value: float = 1.0

    @property
    def beats(self) -> bool:
        """Whether even the lower bound of the difference is above zero."""
        return self.difference.low > 0


class Bootstrap:
    """Replicates of one set of rows, the same for every metric asked of it."""

    def __init__(self, customers: NDArray[Any], seed: int, replicates: int = REPLICATES) -> None:
        self._codes = np.unique(customers, return_inverse=True)[1]
        people = int(self._codes.max()) + 1 if len(self._codes) else 0
        rng = np.random.default_rng(seed)
        # one row at a time: all of them at once would be gigabytes for a large shop
        self._draws = np.empty((replicates, people), dtype=np.uint8)
        for draw in self._draws:
            draw[:] = np.bincount(rng.integers(0, people, people), minlength=people)

    def measured(self, metric: Metric, truth: Floats, score: Floats) -> Measured:
        """The metric with its interval."""
        return self.of(metric.prepare(truth, score))

    def of(self, statistic: Statistic) -> Measured:
        """Any statistic of row weights with its interval."""
        return interval(*self.values(statistic))

    def paired(self, model: Statistic, rule: Statistic, sign: float = 1.0) -> Comparison:
        """Two statistics on the same replicates; ``sign`` is -1 where lower is better."""
        return compared(self.values(model), self.values(rule), sign)

    def compare(self, metric: Metric, truth: Floats, model: Floats, rule: Floats) -> Comparison:
        """A metric of model and rule on the same replicates."""
        sign = 1.0 if metric.higher_is_better else -1.0
        return self.paired(metric.prepare(truth, model), metric.prepare(truth, rule), sign)

    def band(self, curve: Callable[[Floats], Floats]) -> tuple[Floats, Floats, Floats]:
        """A curve of row weights, (k,), with the ends of the interval at each of its points."""
        replicates = [curve(draw[self._codes].astype(np.float64)) for draw in self._draws]
        low, high = np.nanquantile(replicates, _QUANTILES, axis=0)
        return curve(np.ones(len(self._codes))), low, high

    def sums(self, terms: Floats) -> tuple[Floats, Floats]:
        """Sums of the columns of (n, m) over all rows, (m,), and over every replicate's, (r, m)."""
        people = self.of_each(terms)
        parts = np.array_split(self._draws, max(1, self._draws.size // _AT_ONCE))
        return terms.sum(axis=0), np.vstack([part.astype(np.float64) @ people for part in parts])

    def of_each(self, terms: Floats) -> Floats:
        """Sums of the columns of (n, m) over every customer's rows, (customers, m)."""
        people = np.zeros((self._draws.shape[1], terms.shape[1]))
        np.add.at(people, self._codes, terms)
        return people

    def values(self, statistic: Statistic) -> tuple[float, Floats]:
        """The statistic itself, and what it is on every replicate."""
        replicates = [statistic(draw[self._codes].astype(np.float64)) for draw in self._draws]
        return statistic(np.ones(len(self._codes))), np.array(replicates)


def compared(
    model: tuple[float, Floats], rule: tuple[float, Floats], sign: float = 1.0
) -> Comparison:
    """A comparison from the values of two statistics on the same replicates."""
    (one, ones), (other, others) = model, rule
    value, replicates = sign * (one - other), sign * (ones - others)
    spread = float(np.nanstd(replicates))
    p_value = erfc(abs(value) / spread / sqrt(2)) if spread > 0 else float(value == 0)
    return Comparison(
        interval(one, ones), interval(other, others), interval(value, replicates), p_value
    )


def interval(value: float, replicates: Floats) -> Measured:
    """The value with the middle 95 % of its replicates."""
    low, high = np.nanquantile(replicates, _QUANTILES)
    return Measured(value=value, low=float(low), high=float(high))


def accelerated(value: float, replicates: Floats, without: Floats) -> Measured:
    """The interval corrected for bias and skewness (BCa), which a mean of few large weights has.

    Args:
        value: the statistic.
        replicates: what it is on each.
        without: what it is without each customer in turn.
    """
    below = float((replicates < value).mean())
    moved = np.nanmean(without) - without
    spread = float(np.nansum(moved**2))
    if not 0.0 < below < 1.0 or not spread > 0.0:
        return interval(value, replicates)
    normal = NormalDist()
    bias, skew = normal.inv_cdf(below), float(np.nansum(moved**3)) / (6.0 * spread**1.5)
    shifted = (bias + normal.inv_cdf(each) for each in _QUANTILES)
    ends = [normal.cdf(bias + by / (1.0 - skew * by)) for by in shifted]
    low, high = np.nanquantile(replicates, ends)
    return Measured(value=value, low=float(low), high=float(high))
