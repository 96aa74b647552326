"""Whose stored features are too old for what a model, or a decision on consent, needs."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retain.features.catalogue import FEATURES, RATIOS

StaleViews = Mapping[str, Sequence[str]]

_VIEW = {feature.name: feature.relation for feature in FEATURES}
_PARTS = {ratio.name: (ratio.numerator, ratio.denominator) for ratio in RATIOS}
# without the profile nobody knows whether consent was withdrawn, without orders who has bought
_ALWAYS_NEEDED = frozenset({"profile", "orders"})


def too_old(
    customer_ids: Sequence[str], stale_views: StaleViews, names: Iterable[str]
) -> NDArray[np.bool_]:
    """Of each customer (n,) whether a view that the features ``names`` come from is stale."""
    if not stale_views:
        return np.zeros(len(customer_ids), dtype=bool)
    parts = [part for name in names for part in _PARTS.get(name, (name,))]
    needed = _ALWAYS_NEEDED | {_VIEW[part] for part in parts if part in _VIEW}
    stale = [not needed.isdisjoint(stale_views.get(one, ())) for one in customer_ids]
    return np.array(stale, dtype=bool)
