"""Model vectors: read-time columns in the order of the model's manifest, always."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Over
from retain.errors import FingerprintMismatch
from retain.features.sheet import PLACES, ReadColumns
from retain.manifest import ModelFeature


class Vectors:
    """As :func:`to_matrix` for one model, planned once: what a request's columns cost least with.

    Args:
        features: what the model needs, in its order.
    """

    def __init__(self, features: Sequence[ModelFeature]) -> None:
        self._features = features
        self._defaults = _defaults(features)
        self._words = [
            (place, one.name, _codes(one))
            for place, one in enumerate(features)
            if one.dtype == "category"
        ]
        self._direct = all(one.name in PLACES for one in features if one.dtype != "category")
        # a word's column is anything, until its codes are put there
        places = [PLACES.get(one.name, 0) for one in features]
        self._places = np.array(places, dtype=np.intp)

    def known(self, columns: Mapping[str, NDArray[Any]]) -> bool:
        """Whether every feature the model needs is among the columns."""
        if self._direct and _read(columns) is not None:
            return all(name in columns for _, name, _ in self._words)
        return all(one.name in columns for one in self._features)

    def of(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The matrix (n, d) of the model's features.

        Raises:
            FingerprintMismatch: a feature the model needs is not among the columns.
        """
        read = _read(columns)
        if read is None or not self._direct:
            return to_matrix(columns, self._features)
        matrix = read.numbers.take(self._places, axis=1)
        for place, name, codes in self._words:
            matrix[:, place] = [codes.get(value, np.nan) for value in columns[name].tolist()]
        return np.where(np.isnan(matrix), self._defaults, matrix)


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
    return np.ascontiguousarray(np.where(np.isnan(matrix), _defaults(features), matrix))


def _numbers(column: NDArray[Any], feature: ModelFeature) -> NDArray[Any]:
    if feature.dtype != "category":
        return column
    codes = _codes(feature)
    return np.array([codes.get(value, np.nan) for value in column], dtype=np.float64)


def _read(columns: Mapping[str, NDArray[Any]]) -> ReadColumns | None:
    """The features that were read, beneath what was put over them; None where they are others."""
    while isinstance(columns, Over):
        columns = columns.base
    return columns if isinstance(columns, ReadColumns) else None


def _codes(feature: ModelFeature) -> dict[Any, float]:
    return {category: float(code) for code, category in enumerate(feature.categories)}


def _defaults(features: Sequence[ModelFeature]) -> NDArray[np.float64]:
    return np.array(
        [np.nan if each.null_default is None else each.null_default for each in features],
        dtype=np.float64,
    )
