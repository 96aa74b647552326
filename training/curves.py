"""The numbers behind the report's plots, from labels and scores; nothing is drawn here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.predictors.trees import Floats
from training.metrics import score_groups

GROUPS = 10
_POINTS = 200
_FIRST_RECALL = 0.01


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line, both (k,)."""

    x: Floats
    y: Floats


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
    """A tenth of the customers, the best predicted first."""

    rows: int
    predicted: float
    observed: float
    share: float
    lift: float


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


def deciles(truth: Floats, score: Floats) -> list[Decile]:
    """Tenths of the rows by falling score; ``lift`` is the group's mean over everyone's."""
    order = np.argsort(-score, kind="stable")
    mean, total = truth.mean(), truth.sum()
    found = []
    for part in np.array_split(order, min(GROUPS, len(order))):
        observed = float(truth[part].mean())
        found.append(
            Decile(
                len(part),
                float(score[part].mean()),
                observed,
                float(truth[part].sum() / total) if total else float("nan"),
                float(observed / mean) if mean else float("nan"),
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
        found.append((Curve(start, np.r_[0.0, predicted]), Curve(start, np.r_[0.0, observed])))
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
