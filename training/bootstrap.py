"""95 % intervals by resampling customers: a customer's rows stay together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.metrics import Metric, dense_ranks

Statistic = Callable[[Floats], float]

REPLICATES = 300
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model and a rule on the same rows; ``difference`` is paired and positive if better."""

    model: Measured
    rule: Measured
    difference: Measured

    @property
    def beats(self) -> bool:
        """Whether even the lower bound of the difference is above zero."""
        return self.difference.low > 0


class Bootstrap:
    """Replicates of one set of rows, the same for every metric asked of it."""

    def __init__(self, customers: NDArray[Any], seed: int, replicates: int = REPLICATES) -> None:
        codes = np.unique(customers, return_inverse=True)[1]
        self._rows = len(codes)
        people = int(codes.max()) + 1 if len(codes) else 0
        rng = np.random.default_rng(seed)
        draws = rng.multinomial(people, np.full(people, 1.0 / people), size=replicates)
        self._weights = draws[:, codes].astype(np.float32)

    def measured(self, metric: Metric, truth: Floats, score: Floats) -> Measured:
        """The metric with its interval."""
        if metric.ranked:
            truth, score = dense_ranks(truth), dense_ranks(score)
        return self.of(lambda weight: metric.of(truth, score, weight))

    def of(self, statistic: Statistic) -> Measured:
        """Any statistic of row weights with its interval."""
        return _measured(*self._values(statistic))

    def paired(self, model: Statistic, rule: Statistic, sign: float = 1.0) -> Comparison:
        """Two statistics on the same replicates; ``sign`` is -1 where lower is better."""
        one, ones = self._values(model)
        other, others = self._values(rule)
        difference = _measured(sign * (one - other), sign * (ones - others))
        return Comparison(_measured(one, ones), _measured(other, others), difference)

    def compare(self, metric: Metric, truth: Floats, model: Floats, rule: Floats) -> Comparison:
        """A metric of model and rule on the same replicates."""
        if metric.ranked:
            truth, model, rule = dense_ranks(truth), dense_ranks(model), dense_ranks(rule)
        return self.paired(
            lambda weight: metric.of(truth, model, weight),
            lambda weight: metric.of(truth, rule, weight),
            1.0 if metric.higher_is_better else -1.0,
        )

    def _values(self, statistic: Statistic) -> tuple[float, Floats]:
        replicates = [statistic(weight.astype(np.float64)) for weight in self._weights]
        return statistic(np.ones(self._rows)), np.array(replicates)


def _measured(value: float, replicates: Floats) -> Measured:
    low, high = np.nanquantile(replicates, _QUANTILES)
    return Measured(value=value, low=float(low), high=float(high))
