"""Packed rows as one matrix of numbers, in the order a model's manifest asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_ages import Ages
from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_layout import Layout
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_schema import FIXED
from feature_repo.packed_view import PackedView
from retain.errors import FingerprintMismatch, InvalidInput

Floats = NDArray[np.float64]

# what encode() leaves in the slot of a null int64 or time
_NULL = float(NO_TIME)
_WIDE = ("int64", "timestamp")
_NARROW = ("int32", "bool")
_ORDER = ("float64", "float32", *_NARROW, *_WIDE)


@dataclass(frozen=True, slots=True)
class _Gather:
    """Where the numbers are in one layout: whole blocks of a dtype, then an order of columns.

    Attributes:
        blocks: view and dtype of every block, those of 64 bit integers last.
        wide: the first column of those.
        nulls: places among the fields of the columns whose slots do not tell a null.
        narrow: the columns of those.
        order: of every name its column; the column behind the last is missing everywhere.
    """

    blocks: tuple[tuple[int, str], ...]
    wide: int
    nulls: NDArray[np.intp]
    narrow: NDArray[np.intp]
    order: NDArray[np.intp]


class MatrixPlan:
    """What reading ``names`` from some of ``views`` takes.

    Raises:
        FingerprintMismatch: a name is not stored.
        InvalidInput: a name is not of a number.
    """

    def __init__(self, views: Sequence[PackedView], names: Sequence[str]) -> None:
        owners = {name: view for view in views for name in view.schema.slots}
        absent = [name for name in names if name not in owners]
        if absent:
            raise FingerprintMismatch(
                f"features that are not stored: {', '.join(absent)}",
                remedy="train again with this version, or serve with the version it was made by",
            )
        for name in names:
            if owners[name].schema.slots[name][0] not in FIXED:
                raise InvalidInput(f"{name} is no number", field=name)
        self.views = tuple(view for view in views if any(owners[n] is view for n in names))
        self.asked = Layout(tuple((v.name, v.schema) for v in self.views), headed=True)
        self._names = tuple(names)
        self._owner = np.array([self.views.index(owners[n]) for n in names], dtype=np.intp)
        self._defaults = np.array([owners[n].null_defaults.get(n, np.nan) for n in names])
        self._gather = lru_cache(maxsize=16)(self._gathered)

    def values(self, rows: PackedRows, ages: Ages) -> Floats:
        """The matrix (n, names): NaN where there is no row, null defaults where it is stale."""
        count = len(rows)
        if not count or not self._names:
            return np.full((count, len(self._names)), np.nan)
        gather = self._gather(rows.layout)
        parts = [rows.values(view, dtype) for view, dtype in gather.blocks]
        columns = np.concatenate([*parts, np.full((count, 1), np.nan)], axis=1, dtype=np.float64)
        wide = columns[:, gather.wide :]
        wide[wide == _NULL] = np.nan
        if len(gather.narrow):
            null = rows.nulls.take(gather.nulls, axis=1)
            columns[:, gather.narrow] = np.where(null, np.nan, columns[:, gather.narrow])
        values: Floats = columns.take(gather.order, axis=1)
        if not ages.present.all() or ages.stale.any():
            stale = ages.stale.take(self._owner, axis=1)
            values[~ages.present.take(self._owner, axis=1)] = np.nan
            values[stale] = np.broadcast_to(self._defaults, values.shape)[stale]
        return values

    def _gathered(self, layout: Layout) -> _Gather:
        views = [place for place in layout.places_of(self.asked) if place is not None]
        blocks = [(v, dtype) for dtype in _ORDER for v in views if dtype in layout.places[v]]
        columns: dict[tuple[int, str], int] = {}
        wide, narrow, nulls = None, [], []
        for view, dtype in blocks:
            if dtype in _WIDE and wide is None:
                wide = len(columns)
            for name, own in layout.views[view][1].fields:
                if own == dtype:
                    if dtype in _NARROW:
                        narrow.append(len(columns))
                        nulls.append(layout.fields.index((view, name, dtype)))
                    columns[view, name] = len(columns)
        missing = len(columns)
        places = layout.places_of(self.asked)
        order = [
            missing if (place := places[owner]) is None else columns.get((place, name), missing)
            for name, owner in zip(self._names, self._owner, strict=True)
        ]
        return _Gather(
            tuple(blocks),
            missing if wide is None else wide,
            np.array(nulls, dtype=np.intp),
            np.array(narrow, dtype=np.intp),
            np.array(order, dtype=np.intp),
        )
