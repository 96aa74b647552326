"""The two reads requests live on: a matrix in manifest order, or Arrow columns; no Feast.

Both are one round trip for any number of customers and decode without a loop over values.
A value older than its view's time to live reads as its declared null default.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.packed_backend import Found, PackedBackend
from feature_repo.packed_codec import NO_TIME, time_us
from feature_repo.packed_schema import FIXED
from feature_repo.packed_view import PackedView
from retain.clock import to_micros
from retain.errors import FingerprintMismatch, InvalidInput

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

# what encode() leaves in the slot of a null int64 or time
_NULL = float(NO_TIME)


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what was read is, by customer (n rows) and view (v columns).

    Attributes:
        views: names of the v views.
        event_us: (n, v) event times in epoch microseconds; ``NO_TIME`` without a row.
        present: (n, v) whether there is a row.
        stale: (n, v) whether the row is older than the view's time to live.
    """

    views: tuple[str, ...]
    event_us: NDArray[np.int64]
    present: Flags
    stale: Flags

    def stale_views(self, row: int) -> list[str]:
        """The views whose values were too old for the customer in ``row``."""
        return [self.views[view] for view in np.flatnonzero(self.stale[row])]


@dataclass(frozen=True, slots=True)
class PackedMatrix:
    """``values`` is (n, d) float64 in the order of the names asked for; NaN is missing."""

    values: NDArray[np.float64]
    ages: Ages


@dataclass(frozen=True, slots=True)
class PackedTable:
    """``table`` has ``customer_id`` and the columns of every view; null is missing."""

    table: pa.Table
    ages: Ages


@dataclass(frozen=True, slots=True)
class _Part:
    """Columns of one dtype of one view, and where they go in the matrix."""

    dtype: str
    slots: Places
    positions: Places
    columns: Places


@dataclass(frozen=True, slots=True)
class _Plan:
    views: tuple[PackedView, ...]
    parts: tuple[tuple[_Part, ...], ...]
    defaults: NDArray[np.float64]
    wide: Places


class PackedReader:
    """Reads of one store; safe to share between threads.

    Args:
        backend: where the rows are.
        views: what may be asked for.
    """

    def __init__(self, backend: PackedBackend, views: Sequence[PackedView]) -> None:
        self._backend = backend
        self._views = tuple(views)
        self._plan = lru_cache(maxsize=64)(self._planned)

    def read_matrix(
        self, customer_ids: Sequence[str], names: Sequence[str], at: datetime
    ) -> PackedMatrix:
        """The stored numbers ``names`` of the customers, (n, d), as they hold at ``at``.

        A customer without a row has NaN there. Times are epoch microseconds. An int64 that
        as a float is no other than the smallest one reads as missing.

        Raises:
            FingerprintMismatch: a name is not stored, or a row has another schema.
            InvalidInput: a name is not of a number.
            StoreUnavailable: the store did not answer.
        """
        plan = self._plan(tuple(names))
        found = self._backend.read(customer_ids, plan.views)
        ages = _ages(plan.views, found, at)
        values = np.full((len(customer_ids), len(names)), np.nan)
        any_late = bool(ages.stale.any())
        for view, (own, parts) in enumerate(zip(found, plan.parts, strict=True)):
            late = ages.stale[:, view]
            usable = None if own.complete and not any_late else own.present & ~late
            for part in parts:
                block = own.rows.fixed[part.dtype][:, part.slots]
                if part.dtype in {"int32", "bool"}:
                    block = block.astype(np.float64)
                    block[own.rows.nulls[:, part.positions]] = np.nan
                if usable is None:
                    values[:, part.columns] = block
                else:
                    values[np.ix_(usable, part.columns)] = block[usable[own.present]]
                    values[np.ix_(late, part.columns)] = plan.defaults[part.columns]
        if len(plan.wide):
            block = values[:, plan.wide]
            block[block == _NULL] = np.nan
            values[:, plan.wide] = block
        return PackedMatrix(values, ages)

    def read_table(self, customer_ids: Sequence[str], at: datetime) -> PackedTable:
        """Every stored column of the customers, one line each in the order asked.

        Raises:
            FingerprintMismatch: a row was written for another schema.
            StoreUnavailable: the store did not answer.
        """
        found = self._backend.read(customer_ids, self._views)
        ages = _ages(self._views, found, at)
        names, columns = ["customer_id"], [pa.array(customer_ids, pa.string())]
        for position, view in enumerate(self._views):
            names.extend(view.columns)
            columns.extend(_columns(view, found[position], ages.stale[:, position]))
        return PackedTable(pa.Table.from_arrays(columns, names=names), ages)

    def _planned(self, names: tuple[str, ...]) -> _Plan:
        owners = {name: view for view in self._views for name in view.schema.slots}
        absent = [name for name in names if name not in owners]
        if absent:
            raise FingerprintMismatch(
                f"features that are not stored: {', '.join(absent)}",
                remedy="train again with this version, or serve with the version it was made by",
            )
        views = tuple(view for view in self._views if any(owners[n] is view for n in names))
        own: dict[str, dict[str, list[tuple[int, int, int]]]] = {view.name: {} for view in views}
        wide = []
        for column, name in enumerate(names):
            dtype, slot, position = owners[name].schema.slots[name]
            if dtype not in FIXED:
                raise InvalidInput(f"{name} is no number", field=name)
            own[owners[name].name].setdefault(dtype, []).append((slot, position, column))
            if dtype in {"int64", "timestamp"}:
                wide.append(column)
        parts = tuple(
            tuple(_Part(dtype, *np.array(places).T) for dtype, places in own[view.name].items())
            for view in views
        )
        defaults = [owners[name].null_defaults.get(name, np.nan) for name in names]
        return _Plan(views, parts, np.array(defaults), np.array(wide, dtype=np.int64))


def _ages(views: Sequence[PackedView], found: Sequence[Found], at: datetime) -> Ages:
    count = len(found[0].present) if found else 0
    raw = np.zeros((count, len(views)), dtype=np.uint64)
    present = np.empty((count, len(views)), dtype=bool)
    for position, own in enumerate(found):
        present[:, position] = own.present
        if own.complete:
            raw[:, position] = own.rows.times
        else:
            raw[own.present, position] = own.rows.times
    event_us = time_us(raw)
    stale = np.zeros((count, len(views)), dtype=bool)
    for position, view in enumerate(views):
        if view.ttl_us is not None:
            late = event_us[:, position] < to_micros(at) - view.ttl_us
            stale[:, position] = present[:, position] & late
    return Ages(tuple(view.name for view in views), event_us, present, stale)


def _whole(found: Found, late: Flags) -> bool:
    """Whether every customer has a row that holds."""
    return found.complete and not late.any()


def _columns(view: PackedView, found: Found, stale: Flags) -> list[pa.Array]:
    arrays = found.rows.arrays()
    if not _whole(found, stale):
        places = np.cumsum(found.present) - 1
        taken = pa.array(places, mask=~found.present | stale)
        arrays = [array.take(taken) for array in arrays]
    by_name = dict(zip(view.schema.slots, arrays, strict=True))
    if stale.any():
        for name, default in view.null_defaults.items():
            own = by_name[name]
            by_name[name] = pc.if_else(pa.array(stale), pa.scalar(default, own.type), own)
    return [by_name[name] for name in view.columns]
