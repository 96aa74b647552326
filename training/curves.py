"""The numbers behind the report's plots, from labels and scores; nothing is drawn here."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retain.predictors.trees import Floats
from training.bootstrap import Bootstrap
from training.metrics import Statistic, score_groups

GROUPS = 10
_POINTS = 200
_FIRST_RECALL = 0.01
_STEPS = 100
_FIRST_SHARE = 0.02

Kind = Literal["roc", "precision_recall", "gain", "lift"]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line and, where it has one, its 95 % interval, each (k,)."""

    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """A group of rows of similar score.

    Attributes:
        predicted, observed: means in the group.
        low, high: 95 % interval of ``observed`` (Wilson 1927 for shares, normal for amounts).
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers, the best predicted first.

    Attributes:
        share, lift: of the total, and the group's mean over everyone's.
        low, high: 95 % interval of ``observed``.
    """

    rows: int
    predicted: float
    observed: float
    share: float
    lift: float
    low: float
    high: float


def roc(truth: Floats, score: Floats) -> Curve:
    """False positive rate and true positive rate at every threshold, from (0, 0) to (1, 1)."""
    hits, alarms = _counted(truth, score)
    return _thinned(alarms / max(alarms[-1], 1), hits / max(hits[-1], 1))


def precision_recall(truth: Floats, score: Floats) -> Curve:
    """Recall and precision at every threshold from one hundredth of the recall on."""
    hits, alarms = _counted(truth, score)
    recall, precision = hits / max(hits[-1], 1), hits / np.maximum(hits + alarms, 1)
    # of the first few rows it is a matter of chance
    shown = recall >= _FIRST_RECALL
    return _thinned(recall[shown], precision[shown])


def gain(truth: Floats, score: Floats) -> Curve:
    """Share of the total reached by contacting the share ``x`` of rows with the highest scores."""
    order = np.argsort(-score, kind="stable")
    ends = _ends_of_ties(score[order])
    total = truth.sum()
    reached = np.cumsum(truth[order])[ends] / (total or 1.0)
    rows = (ends + 1) / len(score)
    return _thinned(np.r_[0.0, rows], np.r_[0.0, reached])


def lift(reached: Curve) -> Curve:
    """A gain curve over the share contacted, from where that is more than a matter of chance."""
    shown = reached.x >= _FIRST_SHARE
    return Curve(reached.x[shown], reached.y[shown] / reached.x[shown])


def tenths(score: Floats) -> list[NDArray[np.intp]]:
    """The rows of every tenth, by falling score."""
    order = np.argsort(-score, kind="stable")
    return np.array_split(order, min(GROUPS, len(order)))


def deciles(truth: Floats, score: Floats, bootstrap: Bootstrap) -> list[Decile]:
    """What was said and what came in every tenth of the rows, by falling score."""
    mean, total = truth.mean(), truth.sum()
    found = []
    for part in tenths(score):
        observed = bootstrap.of(_mean_of(truth, part))
        found.append(
            Decile(
                len(part),
                float(score[part].mean()),
                observed.value,
                float(truth[part].sum() / total) if total else float("nan"),
                float(observed.value / mean) if mean else float("nan"),
                observed.low,
                observed.high,
            )
        )
    return found


def reliability(truth: Floats, score: Floats, groups: int = GROUPS) -> list[Bin]:
    """Groups of rising score, equally large: what was said and what came."""
    place = score_groups(score, groups)
    found = []
    for group in np.unique(place):
        inside = place == group
        low, high = wilson(float(truth[inside].sum()), int(inside.sum()))
        found.append(
            Bin(
                int(inside.sum()),
                float(score[inside].mean()),
                float(truth[inside].mean()),
                low,
                high,
            )
        )
    return found


def coverage(truth: Floats, low: Floats, high: Floats, value: Floats) -> list[Bin]:
    """Share inside the interval by group of rising prediction; ``predicted`` is its mean."""
    place = score_groups(value, 5)
    inside = ((truth >= low) & (truth <= high)).astype(np.float64)
    found = []
    for group in np.unique(place):
        rows = place == group
        ends = wilson(float(inside[rows].sum()), int(rows.sum()))
        found.append(
            Bin(int(rows.sum()), float(value[rows].mean()), float(inside[rows].mean()), *ends)
        )
    return found


def survival(
    days_to_order: Floats, said: dict[int, Floats], groups: int = 4
) -> list[tuple[Curve, Curve]]:
    """Predicted and observed share who ordered by each day, per group of rising chance.

    Args:
        days_to_order: NaN where no order came, (n,).
        said: probability of an order by the end of each day, each (n,).
        groups: of equally many customers, by what was said of the last day.
    """
    days = np.array(sorted(said), dtype=np.float64)
    place = score_groups(said[int(days[-1])], groups)
    found = []
    for group in np.unique(place):
        rows = place == group
        predicted = np.array([said[int(day)][rows].mean() for day in days])
        observed = np.array([(days_to_order[rows] <= day).mean() for day in days])
        start = np.r_[0.0, days]
        ends = [wilson(float(share * rows.sum()), int(rows.sum())) for share in observed]
        low, high = (np.r_[0.0, side] for side in zip(*ends, strict=True))
        came = Curve(start, np.r_[0.0, observed], low, high)
        found.append((Curve(start, np.r_[0.0, predicted]), came))
    return found


def wilson(successes: float, rows: int) -> tuple[float, float]:
    """95 % interval of a share (E. B. Wilson 1927)."""
    if rows == 0:
        return float("nan"), float("nan")
    z, share = 1.959964, successes / rows
    centre = share + z**2 / (2 * rows)
    spread = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    scale = 1 + z**2 / rows
    return float((centre - spread) / scale), float((centre + spread) / scale)


def banded(kind: Kind, truth: Floats, score: Floats, bootstrap: Bootstrap) -> Curve:
    """A curve at even steps of its x axis, with the interval of every point over customers.

    ``kind`` is one of ``roc`` (true by false positive rate), ``precision_recall``, ``gain`` and
    ``lift`` (share reached, and over the share contacted).
    """
    order = np.argsort(-score, kind="stable")
    ends, ordered = _ends_of_ties(score[order]), truth[order]
    x = np.linspace(0.0, 1.0, _STEPS + 1)
    if kind in ("precision_recall", "lift"):
        x = x[x >= _FIRST_SHARE]

    def at(weight: Floats) -> Floats:
        own = weight[order]
        hits, every = (np.r_[0.0, np.cumsum(part)[ends]] for part in (own * ordered, own))
        reached = hits / max(hits[-1], 1e-12)
        if kind == "precision_recall":
            return np.asarray(np.interp(x, reached, hits / np.maximum(every, 1e-12)))
        along = every - hits if kind == "roc" else every
        y = np.asarray(np.interp(x, along / max(along[-1], 1e-12), reached))
        return y / x if kind == "lift" else y

    value, low, high = bootstrap.band(at)
    return Curve(x, value, low, high)


def _mean_of(truth: Floats, rows: NDArray[np.intp]) -> Statistic:
    def mean(weight: Floats) -> float:
        total = weight[rows].sum()
        return float((weight[rows] * truth[rows]).sum() / total) if total else float("nan")

    return mean


def _counted(truth: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Hits and false alarms with the threshold falling, each beginning with none."""
    order = np.argsort(-score, kind="stable")
    ends = _ends_of_ties(score[order])
    hits = np.cumsum(truth[order])[ends]
    alarms = np.cumsum(1.0 - truth[order])[ends]
    return np.r_[0.0, hits], np.r_[0.0, alarms]


def _ends_of_ties(ordered: Floats) -> NDArray[np.intp]:
    ends = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    return np.asarray(ends, dtype=np.intp)


def _thinned(x: Floats, y: Floats) -> Curve:
    """At most as many points as a plot can show, ends included."""
    if len(x) > _POINTS:
        kept = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
        x, y = x[kept], y[kept]
    return Curve(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
