"""How a head does in parts of the customers, and whether the parts are treated alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.bootstrap import Bootstrap
from training.metrics import Metric, Statistic

LEAST_ROWS = 100
MOST_VALUES = 8
TENURE = ((90.0, "under 90 days"), (365.0, "90 to 365 days"), (np.inf, "over a year"))
TIERS = ("low value", "medium value", "high value", "top value")
_TIER_QUANTILES = (0.5, 0.8, 0.95)
_REPLICATES = 200
_MISSING, _OTHERS = "not known", "others"

Labels = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Slice:
    """One part: how many rows, what is said and what came in the mean, and a metric.

    Attributes:
        metric: None where the part is too small or all of one outcome.
        error: predicted less observed.
        flagged: the share that is acted on: the fifth of everyone with the highest score.
        missed: of those to whom it happened, the share that is not; NaN where it did to nobody.
    """

    name: str
    rows: int
    predicted: float
    observed: float
    error: Measured
    metric: Measured | None
    flagged: float
    missed: float


def parts(columns: Mapping[str, np.ndarray], sensitive: Sequence[str]) -> dict[str, Labels]:
    """Which part each row is in, by tenure, value tier, country and every sensitive attribute."""
    found: dict[str, Labels] = {}
    if "tenure_days" in columns:
        found["tenure"] = _binned(columns["tenure_days"], TENURE)
    if "net_spend_365d" in columns:
        found["value tier"] = _tiers(columns["net_spend_365d"])
    for name in dict.fromkeys(("country", *sensitive)):
        if name in columns:
            column = columns[name]
            found[name] = named(column) if column.dtype == object else _quartered(column)
    return {name: part for name, part in found.items() if len(set(part)) > 1}


def slices(
    part: Labels,
    metric: Metric,
    truth: Floats,
    score: Floats,
    *,
    customers: np.ndarray,
    seed: int,
) -> list[Slice]:
    """Every part of at least :data:`LEAST_ROWS` rows, the largest first."""
    limit = float(np.quantile(score, 0.8))
    found = []
    for name in sorted(set(part), key=lambda one: -int((part == one).sum())):
        rows = part == name
        if rows.sum() < LEAST_ROWS:
            continue
        own, said = truth[rows], score[rows]
        bootstrap = Bootstrap(customers[rows], seed, _REPLICATES)
        measured = bootstrap.measured(metric, own, said) if own.min() < own.max() else None
        came = own > 0
        found.append(
            Slice(
                str(name),
                int(rows.sum()),
                float(said.mean()),
                float(own.mean()),
                bootstrap.of(_mean(said - own)),
                measured,
                float((said > limit).mean()),
                float((said[came] <= limit).mean()) if came.any() else float("nan"),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Gaps:
    """How far parts lie apart: of what is said beyond what came, of who is flagged, and missed."""

    error: float
    flagged: float
    missed: float


def unequal(found: Sequence[Slice]) -> Gaps:
    """The widest gaps between parts; none between fewer than two."""
    return Gaps(
        _spread([one.error.value for one in found]),
        _spread([one.flagged for one in found]),
        _spread([one.missed for one in found if np.isfinite(one.missed)]),
    )


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values) if len(values) > 1 else 0.0


def _mean(values: Floats) -> Statistic:
    return lambda weight: float(np.average(values, weights=weight))


def named(column: np.ndarray) -> Labels:
    """Texts as they are, the rare ones together."""
    values = np.array([_MISSING if one is None else str(one) for one in column], dtype=object)
    names, counts = np.unique(values.astype(str), return_counts=True)
    common = set(names[np.argsort(-counts, kind="stable")][:MOST_VALUES])
    return np.array([one if one in common else _OTHERS for one in values], dtype=object)


def _binned(column: np.ndarray, bins: Sequence[tuple[float, str]]) -> Labels:
    values = np.asarray(column, dtype=np.float64)
    found = np.full(len(values), _MISSING, dtype=object)
    for end, name in reversed(bins):
        found[values < end] = name
    return found


def _tiers(column: np.ndarray) -> Labels:
    values = np.nan_to_num(np.asarray(column, dtype=np.float64))
    place = np.searchsorted(np.quantile(values, _TIER_QUANTILES), values, side="right")
    return np.array(TIERS, dtype=object)[place]


def _quartered(column: np.ndarray) -> Labels:
    values = np.asarray(column, dtype=np.float64)
    known = np.isfinite(values)
    found = np.full(len(values), _MISSING, dtype=object)
    if known.any():
        edges = np.unique(np.quantile(values[known], (0.25, 0.5, 0.75)))
        ends = [*edges, np.inf]
        starts = [-np.inf, *edges]
        for low, high in zip(starts, ends, strict=True):
            word = f"from {low:g}" if high == np.inf else f"under {high:g}"
            found[known & (values >= low) & (values < high)] = word
    return found
