"""Read-time columns: stored timestamps become ages; used offline and online alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY
from retain.features.catalogue import FEATURES, RATIOS

Columns = dict[str, NDArray[np.generic]]
Floats = NDArray[np.float64]

_NUMBERS = tuple(one for one in FEATURES if one.dtype in ("number", "since", "until"))
_NAMES = [one.name for one in _NUMBERS]

STORED_NUMBERS = tuple(one.stored_name for one in _NUMBERS)
"""The stored columns that are read as numbers."""
NUMBERS = (*_NAMES, *(ratio.name for ratio in RATIOS))
"""The read-time numbers: those of the stored ones in their order, then the ratios."""
OBJECTS = (*(one.name for one in FEATURES if one.dtype in ("text", "texts")), "currency")
"""The read-time texts and lists."""
NAMES = (*(one.name for one in FEATURES), *(ratio.name for ratio in RATIOS), "currency")
"""All of them, in the order of the catalogue."""

SINCE = np.array([at for at, one in enumerate(_NUMBERS) if one.dtype == "since"], dtype=np.intp)
UNTIL = np.array([at for at, one in enumerate(_NUMBERS) if one.dtype == "until"], dtype=np.intp)
OVER = np.array([_NAMES.index(ratio.numerator) for ratio in RATIOS], dtype=np.intp)
UNDER = np.array([_NAMES.index(ratio.denominator) for ratio in RATIOS], dtype=np.intp)
"""Among :data:`NUMBERS` the ages, the terms, and the parts of the ratios in their order."""


def aged(table: pa.Table) -> Columns:
    """The read-time columns of a feature table, each of n rows.

    Numbers are float64 with NaN for missing; texts are objects (str or None); lists are
    objects (list of str, empty where missing). An age is ``as_of`` less the stored time, in
    days; a term is the stored time less ``as_of``. The row's ``as_of`` is the moment of the
    read, which may be later than the moment the row was computed.
    """
    as_of = table.column("as_of").cast(pa.int64()).to_numpy().astype(np.float64)
    columns: Columns = {}
    for feature in FEATURES:
        stored = table.column(feature.stored_name)
        if feature.dtype == "number":
            columns[feature.name] = _floats(stored)
        elif feature.dtype == "since":
            columns[feature.name] = _since(_floats(stored), as_of)
        elif feature.dtype == "until":
            columns[feature.name] = _until(_floats(stored), as_of)
        elif feature.dtype == "text":
            columns[feature.name] = objects(stored.to_pylist())
        else:
            columns[feature.name] = objects([ids or [] for ids in stored.to_pylist()])
    for ratio in RATIOS:
        numerator, denominator = columns[ratio.numerator], columns[ratio.denominator]
        columns[ratio.name] = _ratio(numerator, denominator)
    columns["currency"] = currencies(columns)
    return columns


def side_by_side(stored: Floats, as_of: Floats) -> Floats:
    """The numbers of :func:`aged`, (n, :data:`NUMBERS`).

    Args:
        stored: (n, :data:`STORED_NUMBERS`), NaN where missing.
        as_of: (n,) moments of the read in microseconds since the epoch.
    """
    count, many = stored.shape
    read = np.empty((count, len(NUMBERS)))
    read[:, :many] = stored
    moments = as_of[:, np.newaxis]
    read[:, SINCE] = _since(stored.take(SINCE, axis=1), moments)
    read[:, UNTIL] = _until(stored.take(UNTIL, axis=1), moments)
    read[:, many:] = _ratio(read.take(OVER, axis=1), read.take(UNDER, axis=1))
    return read


def currencies(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    """What each customer's amounts are in: that of the orders, whatever the profile says."""
    return objects(
        [
            last or own
            for own, last in zip(
                columns["profile_currency"], columns["order_currency"], strict=True
            )
        ]
    )


def objects(values: list[Any]) -> NDArray[np.object_]:
    """``values`` as an array, lists among them staying lists."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _since(stored: Floats, as_of: Floats) -> Floats:
    return (as_of - stored) / MICROSECONDS_PER_DAY


def _until(stored: Floats, as_of: Floats) -> Floats:
    return (stored - as_of) / MICROSECONDS_PER_DAY


def _ratio(numerator: Any, denominator: Any) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = numerator / denominator
    return np.where(np.isfinite(value), value, np.nan)


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values
