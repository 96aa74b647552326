"""Which declared features a model reads: those that tell customers apart."""

from collections import Counter

import numpy as np

from retain.columns import Columns
from retain.features.catalogue import FEATURES, RATIOS
from retain.manifest import ModelFeature

MOST_CATEGORIES = 30
SMALLEST_CATEGORY = 0.01

# places and habits a campaign may be planned by; ids, currencies and zones only stand for them
_CATEGORIES = (
    "country",
    "region",
    "tier",
    "language",
    "age_band",
    "acquisition_source",
    "subscription_plan",
    "favourite_category",
)


def candidates() -> tuple[ModelFeature, ...]:
    """Every feature a model may read: all numbers, and some categories without their values."""
    numbers = [
        ModelFeature(name=feature.name, null_default=feature.null_default)
        for feature in FEATURES
        if feature.dtype in {"number", "since", "until"}
    ]
    numbers += [ModelFeature(name=ratio.name) for ratio in RATIOS]
    return (*numbers, *(ModelFeature(name=name, dtype="category") for name in _CATEGORIES))


def choose(columns: Columns) -> tuple[ModelFeature, ...]:
    """Numeric features that vary, and categories with at least two common values."""
    chosen = []
    for feature in candidates():
        if feature.dtype == "category":
            common = _common(list(columns[feature.name]))
            if len(common) > 1:
                chosen.append(feature.model_copy(update={"categories": tuple(common)}))
        elif _varies(np.asarray(columns[feature.name], dtype=np.float64)):
            chosen.append(feature)
    return tuple(chosen)


def _varies(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    if not len(known):
        return False
    return bool(known.min() < known.max()) or 0 < len(known) < len(values)


def _common(values: list[object]) -> list[str]:
    counts = Counter(str(value) for value in values if value is not None)
    kept = [v for v, count in counts.items() if count >= SMALLEST_CATEGORY * len(values)]
    return sorted(sorted(kept, key=lambda v: (-counts[v], v))[:MOST_CATEGORIES])
