"""Metrics on weighted rows, so that a bootstrap replicate is only another weight.

A metric looks at truth and score once, sorts and groups what it must, and returns a statistic of
weights (n,) that costs no further sort: a thousand replicates cost a thousand sums.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.predictors.trees import Floats

Statistic = Callable[[Floats], float]
Prepare = Callable[[Floats, Floats], Statistic]

CALIBRATION_BINS = 10
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Metric:
    """A named metric; ``prepare`` takes ``truth`` and ``score``, each (n,)."""

    name: str
    prepare: Prepare
    higher_is_better: bool = True


def _auc(truth: Floats, score: Floats) -> Statistic:
    codes = ranks(score)

    def of(weight: Floats) -> float:
        positive = np.bincount(codes, weight * truth)
        negative = np.bincount(codes, weight * (1.0 - truth))
        pairs = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2.0
        return float((positive * below).sum() / pairs) if pairs else float("nan")

    return of


def _midranks(codes: NDArray[np.intp], weight: Floats) -> Floats:
    counts = np.bincount(codes, weight)
    middles = np.cumsum(counts) - counts / 2.0
    return np.asarray(middles[codes], dtype=np.float64)


def _spearman(truth: Floats, score: Floats) -> Statistic:
    codes = ranks(truth), ranks(score)

    def of(weight: Floats) -> float:
        one, other = (_midranks(each, weight) for each in codes)
        one, other = (side - np.average(side, weights=weight) for side in (one, other))
        spread = np.sqrt((weight * one**2).sum() * (weight * other**2).sum())
        return float((weight * one * other).sum() / spread) if spread else float("nan")

    return of


def _average(losses: Floats) -> Statistic:
    return lambda weight: float(np.average(losses, weights=weight))


def _brier(truth: Floats, score: Floats) -> Statistic:
    return _average((truth - score) ** 2)


def _log_loss(truth: Floats, score: Floats) -> Statistic:
    p = np.clip(score, _TINY, 1.0 - _TINY)
    return _average(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)))


def _calibration_error(truth: Floats, score: Floats) -> Statistic:
    group = score_groups(score, CALIBRATION_BINS)

    def of(weight: Floats) -> float:
        error = np.bincount(group, weight * (truth - score))
        return float(np.abs(error).sum() / weight.sum())

    return of


def _mae(truth: Floats, score: Floats) -> Statistic:
    return _average(np.abs(truth - score))


def _level(truth: Floats, score: Floats) -> Statistic:
    def of(weight: Floats) -> float:
        total = (weight * truth).sum()
        return float((weight * score).sum() / total - 1.0) if total else float("nan")

    return of


def _mean(truth: Floats, score: Floats) -> Statistic:  # noqa: ARG001
    return _average(score)


def _gini(truth: Floats, score: Floats) -> Statistic:
    spend = np.maximum(truth, 0.0)
    by_score, by_spend = ranks(-score), ranks(-spend)

    def area(codes: NDArray[np.intp], weight: Floats) -> float:
        people = np.bincount(codes, weight)
        money = np.bincount(codes, weight * spend)
        # customers of one score share its place: the curve is straight between their ends
        before = np.cumsum(money) - money / 2.0
        total = people.sum() * money.sum()
        return float((people * before).sum() / total - 0.5) if total else float("nan")

    def of(weight: Floats) -> float:
        best = area(by_spend, weight)
        return area(by_score, weight) / best if best else float("nan")

    return of


AUC = Metric("auc", _auc)
SPEARMAN = Metric("spearman", _spearman)
GINI = Metric("gini", _gini)
BRIER = Metric("brier", _brier, higher_is_better=False)
LOG_LOSS = Metric("log_loss", _log_loss, higher_is_better=False)
CALIBRATION_ERROR = Metric("calibration_error", _calibration_error, higher_is_better=False)
MAE = Metric("mae", _mae, higher_is_better=False)
LEVEL = Metric("level_error", _level)
MEAN = Metric("mean", _mean)


def ranks(values: Floats) -> NDArray[np.intp]:
    """0, 1, 2 … in the order of the values, equal for equal values, (n,)."""
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.intp)


def score_groups(score: Floats, groups: int) -> NDArray[np.intp]:
    """Which of ``groups`` equally large groups of rising score a row is in, (n,)."""
    edges = np.quantile(score, np.linspace(0, 1, groups + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, score, side="right"), dtype=np.intp)


def measure(metric: Metric, truth: Floats, score: Floats, weight: Floats | None = None) -> float:
    """The metric on plain arrays; without weights every row counts once."""
    return metric.prepare(truth, score)(np.ones(len(truth)) if weight is None else weight)
