"""Model vectors: read-time columns in the order of the model's manifest, always."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.errors import FingerprintMismatch
from retain.manifest import ModelFeature


def to_matrix(
    columns: Mapping[str, NDArray[Any]], features: Sequence[ModelFeature]
) -> NDArray[np.float64]:
    """The matrix (n, d) of ``features`` in their order.

    A category is its position in the manifest's list; one that training never saw is missing.

    Raises:
        FingerprintMismatch: a feature the model needs is not among the columns.
    """
    absent = [feature.name for feature in features if feature.name not in columns]
    if absent:
        raise FingerprintMismatch(
            f"the model needs features that are not computed: {', '.join(absent)}",
            remedy="train again with this version, or serve with the version the model was made by",
        )
    rows = len(next(iter(columns.values()))) if columns else 0
    if not rows or not features:
        return np.empty((rows, len(features)), dtype=np.float64)
    matrix = np.array([_numbers(columns[each.name], each) for each in features], dtype=np.float64).T
    defaults = [np.nan if each.null_default is None else each.null_default for each in features]
    return np.ascontiguousarray(np.where(np.isnan(matrix), defaults, matrix))


def _numbers(column: NDArray[Any], feature: ModelFeature) -> NDArray[Any]:
    if feature.dtype != "category":
        return column
    codes = {category: float(code) for code, category in enumerate(feature.categories)}
    return np.array([codes.get(value, np.nan) for value in column], dtype=np.float64)
