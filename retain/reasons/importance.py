"""What moves a head's scores over all its customers: mean sizes of contributions."""

from typing import Any

import numpy as np

from retain.predictors.contributions import Floats
from retain.reasons.explaining import Explainable
from retain.reasons.words import words

MOST_ROWS = 2_000
"""TreeSHAP takes about a millisecond a row; more rows change the third digit."""
MOST_FEATURES = 20


def importance(predictor: Explainable, matrix: Floats, seed: int = 7) -> dict[str, Any]:
    """Mean |contribution| by group and by feature, the largest first, in the score's own space.

    A group's contribution is the sum of its features' before its size is taken, so that two
    features which undo each other count for little. ``share`` is of all groups, or all features.

    Args:
        predictor: of one head.
        matrix: its inputs, (n, d); at most :data:`MOST_ROWS` of them are drawn.
        seed: of the draw.
    """
    rows = len(matrix)
    if rows > MOST_ROWS:
        drawn = np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False)
        matrix = matrix[np.sort(drawn)]
    values = predictor.contributions(matrix).values
    names = predictor.manifest.feature_names
    known = words().by_feature
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        columns.setdefault(known[name].name, []).append(column)
    groups = {group: np.abs(values[:, of].sum(axis=1)).mean() for group, of in columns.items()}
    features = dict(zip(names, np.abs(values).mean(axis=0), strict=True))
    strongest = _ranked(features)[:MOST_FEATURES]
    return {"rows": len(matrix), "groups": _ranked(groups), "features": strongest}


def _ranked(sizes: dict[str, Any]) -> list[dict[str, Any]]:
    total = sum(sizes.values()) or 1.0
    return [
        {"name": name, "mean": float(size), "share": float(size / total)}
        for name, size in sorted(sizes.items(), key=lambda one: -one[1])
        if size > 0
    ]
