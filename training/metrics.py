"""Metrics on weighted rows, so that a bootstrap replicate is only another weight.

Every function takes ``truth``, ``score`` and ``weight``, each (n,), and returns one number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retain.predictors.trees import Floats

Of = Callable[[Floats, Floats, Floats], float]
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Metric:
    """A named metric; ``ranked`` ones see dense ranks in place of truth and score."""

    name: str
    of: Of
    ranked: bool = False
    higher_is_better: bool = True


def _auc(truth: Floats, score: Floats, weight: Floats) -> float:
    codes = score.astype(np.intp)
    positive = np.bincount(codes, weight * truth)
    negative = np.bincount(codes, weight * (1.0 - truth))
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative / 2.0
    return float((positive * below).sum() / pairs) if pairs else float("nan")


def _midranks(codes: Floats, weight: Floats) -> Floats:
    positions = codes.astype(np.intp)
    counts = np.bincount(positions, weight)
    middles = np.cumsum(counts) - counts / 2.0
    return np.asarray(middles[positions], dtype=np.float64)


def _spearman(truth: Floats, score: Floats, weight: Floats) -> float:
    one, other = _midranks(truth, weight), _midranks(score, weight)
    one, other = (side - np.average(side, weights=weight) for side in (one, other))
    spread = np.sqrt((weight * one**2).sum() * (weight * other**2).sum())
    return float((weight * one * other).sum() / spread) if spread else float("nan")


def _brier(truth: Floats, score: Floats, weight: Floats) -> float:
    return float(np.average((truth - score) ** 2, weights=weight))


def _log_loss(truth: Floats, score: Floats, weight: Floats) -> float:
    p = np.clip(score, _TINY, 1.0 - _TINY)
    return float(-np.average(truth * np.log(p) + (1 - truth) * np.log1p(-p), weights=weight))


def _calibration_error(truth: Floats, score: Floats, weight: Floats) -> float:
    edges = np.quantile(score, np.linspace(0, 1, 11)[1:-1])
    group = np.searchsorted(edges, score, side="right")
    error = np.bincount(group, weight * (truth - score))
    return float(np.abs(error).sum() / weight.sum())


def _mae(truth: Floats, score: Floats, weight: Floats) -> float:
    return float(np.average(np.abs(truth - score), weights=weight))


def _level(truth: Floats, score: Floats, weight: Floats) -> float:
    total = (weight * truth).sum()
    return float((weight * score).sum() / total - 1.0) if total else float("nan")


def _mean(truth: Floats, score: Floats, weight: Floats) -> float:  # noqa: ARG001
    return float(np.average(score, weights=weight))


def _gini(truth: Floats, score: Floats, weight: Floats) -> float:
    spend = np.maximum(truth, 0.0)

    def area(by: Floats) -> float:
        order = np.argsort(-by, kind="stable")
        people = np.cumsum(weight[order]) / weight.sum()
        money = np.cumsum((weight * spend)[order]) / max((weight * spend).sum(), _TINY)
        return float(np.average(money - people, weights=weight[order] + _TINY))

    best = area(spend)
    return area(score) / best if best else float("nan")


AUC = Metric("auc", _auc, ranked=True)
SPEARMAN = Metric("spearman", _spearman, ranked=True)
GINI = Metric("gini", _gini)
BRIER = Metric("brier", _brier, higher_is_better=False)
LOG_LOSS = Metric("log_loss", _log_loss, higher_is_better=False)
CALIBRATION_ERROR = Metric("calibration_error", _calibration_error, higher_is_better=False)
MAE = Metric("mae", _mae, higher_is_better=False)
LEVEL = Metric("level_error", _level)
MEAN = Metric("mean", _mean)


def dense_ranks(values: Floats) -> Floats:
    """0, 1, 2 … in the order of the values, equal for equal values."""
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def measure(metric: Metric, truth: Floats, score: Floats, weight: Floats | None = None) -> float:
    """The metric on plain arrays; without weights every row counts once."""
    if metric.ranked:
        truth, score = dense_ranks(truth), dense_ranks(score)
    return metric.of(truth, score, np.ones(len(truth)) if weight is None else weight)
