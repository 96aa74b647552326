"""Read-time columns: stored timestamps become ages; used offline and online alike."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY
from retain.features.catalogue import FEATURES, RATIOS

Columns = dict[str, NDArray[np.generic]]


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
            columns[feature.name] = (as_of - _floats(stored)) / MICROSECONDS_PER_DAY
        elif feature.dtype == "until":
            columns[feature.name] = (_floats(stored) - as_of) / MICROSECONDS_PER_DAY
        elif feature.dtype == "text":
            columns[feature.name] = _objects(stored.to_pylist())
        else:
            columns[feature.name] = _objects([ids or [] for ids in stored.to_pylist()])
    for ratio in RATIOS:
        numerator, denominator = columns[ratio.numerator], columns[ratio.denominator]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = numerator / denominator  # type: ignore[operator]
        columns[ratio.name] = np.where(np.isfinite(value), value, np.nan)
    columns["currency"] = _objects(
        [
            last or own  # amounts are in the currency of the orders, whatever the profile says
            for own, last in zip(
                columns["profile_currency"], columns["order_currency"], strict=True
            )
        ]
    )
    return columns


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _objects(values: list[object]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
