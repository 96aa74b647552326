"""Estimators: what a policy would have brought, from what another one logged.

All are functions of sums over rows, so that a bootstrap replicate is only another sum. With
w = pi(a|x) / p(a|x) of what was taken, q(x, a) the predicted reward and q_pi(x) its mean under
the evaluated policy:

========  ==================================================================
``ips``   mean of w r (Horvitz and Thompson 1952; Strehl et al. 2010)
``snips`` sum of w r over sum of w (Swaminathan and Joachims 2015)
``dm``    mean of q_pi: no propensities, and no better than its model
``dr``    mean of q_pi + w (r - q) (Dudik et al. 2011)
``sndr``  the same, with w divided by its mean
========  ==================================================================

``clip`` caps w (Bottou et al. 2013); ``switch`` leaves w (r - q) out where w is above it (Wang et
al. 2017). Definitions are those of Saito et al., "Open Bandit Dataset and Pipeline" (2020), where
``lambda_`` is ``clip`` of its IPW and DR, and ``switch`` of its Switch-DR.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from retain.errors import InvalidInput
from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.bootstrap import Bootstrap, Comparison, accelerated, compared
from training.policies.log import Log

Name = Literal["ips", "snips", "dm", "dr", "sndr"]
NAMES: tuple[Name, ...] = ("ips", "snips", "dm", "dr", "sndr")
REPLICATES = 1_000


@dataclass(frozen=True, slots=True)
class Estimator:
    """One estimator with its settings."""

    name: Name = "dr"
    clip: float | None = None
    switch: float | None = None

    def terms(self, policy: Floats, log: Log, model: Floats | None = None) -> Floats:
        """What has to be summed over rows: 1, w, w (r - q) and q_pi, (n, 4).

        Args:
            policy: probability of every action under the evaluated policy, (n, k).
            log: what was logged.
            model: predicted reward of every action, (n, k), from rows or folds other than
                these; None is a model that says zero.

        Raises:
            InvalidInput: ``dm`` without a model.
        """
        if self.name == "dm" and model is None:
            raise InvalidInput("dm has nothing but its model", remedy="give a model, or use ips")
        weight = importance(policy, log)
        if self.clip is not None:
            weight = np.minimum(weight, self.clip)
        kept = np.ones(len(log)) if self.switch is None else (weight <= self.switch).astype(float)
        if self.name == "dm":
            kept = np.zeros(len(log))
        modelled = None if self.name in ("ips", "snips") else model
        direct, factual = _predicted(policy, log, modelled)
        residual = weight * kept * (log.reward - factual)
        return np.column_stack([np.ones(len(log)), weight, residual, direct])

    def of(self, sums: Floats) -> Floats:
        """Estimates from sums of :meth:`terms`, (..., 4) to (...)."""
        rows, weight, residual, direct = np.moveaxis(sums, -1, 0)
        by = weight if self.name in ("snips", "sndr") else rows
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(direct / rows + residual / by)

    def value(self, policy: Floats, log: Log, model: Floats | None = None) -> float:
        """The estimate itself."""
        return float(self.of(self.terms(policy, log, model).sum(axis=0)))

    def values(
        self, policy: Floats, log: Log, bootstrap: Bootstrap, model: Floats | None = None
    ) -> tuple[float, Floats]:
        """The estimate, and what it is on every replicate."""
        whole, replicates = bootstrap.sums(self.terms(policy, log, model))
        return float(self.of(whole)), self.of(replicates)


IPS, SNIPS, DR, SNDR = (Estimator(name) for name in ("ips", "snips", "dr", "sndr"))


def importance(policy: Floats, log: Log) -> Floats:
    """The weight of each row, pi(a|x) / p(a|x) of what was taken, (n,)."""
    taken = policy[np.arange(len(log)), log.chosen]
    return np.asarray(taken / log.propensity, dtype=np.float64)


def effective_sample_size(policy: Floats, log: Log) -> float:
    """(sum of w)^2 / sum of w^2: how many on-policy rows the estimate is worth (Kish 1965)."""
    weight = importance(policy, log)
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def supported(policy: Floats, log: Log) -> float:
    """The share of the evaluated policy's choices that the logging policy could have made.

    Below one no estimator is unbiased: what was never tried has to be taken from the model.
    """
    return float((policy * (log.chance > 0.0)).sum(axis=1).mean())


def estimate(
    estimator: Estimator,
    policy: Floats,
    log: Log,
    bootstrap: Bootstrap,
    *,
    model: Floats | None = None,
) -> Measured:
    """The estimate with its 95 % interval over resampled units, corrected for skewness."""
    terms = estimator.terms(policy, log, model)
    whole, replicates = bootstrap.sums(terms)
    without = estimator.of(whole - bootstrap.of_each(terms))
    return accelerated(float(estimator.of(whole)), estimator.of(replicates), without)


def compare(
    estimator: Estimator,
    policy: Floats,
    rule: Floats,
    log: Log,
    bootstrap: Bootstrap,
    *,
    model: Floats | None = None,
) -> Comparison:
    """Two policies on the same replicates; the difference is paired."""
    one, other = (estimator.values(each, log, bootstrap, model) for each in (policy, rule))
    return compared(one, other)


def _predicted(policy: Floats, log: Log, model: Floats | None) -> tuple[Floats, Floats]:
    if model is None:
        return np.zeros(len(log)), np.zeros(len(log))
    # an action that neither policy takes may be unknown to the model
    direct = np.where(policy > 0.0, policy * model, 0.0).sum(axis=1)
    return direct, model[np.arange(len(log)), log.chosen]
