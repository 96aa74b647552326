"""Packed rows of customers as one sheet of read-time features, without a table in between."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_ages import Ages
from feature_repo.packed_codec import ITEM_END, NULL_ITEM
from feature_repo.packed_layout import Layout
from feature_repo.packed_matrix import MatrixPlan
from feature_repo.packed_rows import Flags, PackedRows, damaged
from feature_repo.packed_schema import FIXED
from feature_repo.packed_view import PackedView
from retain.features.ageing import STORED_NUMBERS, objects
from retain.features.engine import VIEWS, valid_until_name
from retain.features.sheet import Objects, ReadColumns, Sheet

Floats = NDArray[np.float64]

ENDS = tuple(valid_until_name(view) for view in VIEWS)
_MANY = len(STORED_NUMBERS)
_END = bytes([ITEM_END])
_NULL = bytes([NULL_ITEM])


class LinePlan:
    """What reading whole lines of ``views`` takes, worked out once."""

    def __init__(self, views: Sequence[PackedView]) -> None:
        self.numbers = MatrixPlan(views, (*STORED_NUMBERS, *ENDS))
        self.texts = lru_cache(maxsize=16)(self._texts)

    def _texts(self, layout: Layout) -> dict[str, tuple[int, int, int, bool]]:
        """Of every text its view, its place among fields and among tails, whether it is a list."""
        found: dict[str, tuple[int, int, int, bool]] = {}
        for place, (view, name, dtype) in enumerate(layout.fields):
            if dtype not in FIXED:
                found[name] = view, place, len(found), dtype == "strings"
        return found


class PackedLines:
    """The rows of n customers, of all views.

    Args:
        plan: of the views.
        customer_ids: whose they are.
        rows: as they were read.
        ages: of the rows.
        hidden: (n, views of the rows' layout) what is not there or too old to be used.
        table: makes the table of the same rows.
    """

    def __init__(
        self,
        plan: LinePlan,
        customer_ids: Sequence[str],
        rows: PackedRows,
        *,
        ages: Ages,
        hidden: Flags,
        table: Callable[[], pa.Table],
    ) -> None:
        self._plan = plan
        self._ids = list(customer_ids)
        self._rows = rows
        self._hidden = hidden
        self.ages = ages
        self._table = table
        self._numbers = plan.numbers.values(rows, ages)
        self._tails = _cut(rows)

    @cached_property
    def table(self) -> pa.Table:
        """The same as a table, as :meth:`PackedReader.read_table` makes it."""
        return self._table()

    @property
    def ends(self) -> Floats:
        """When each view's values cease to hold, (n, views) in microseconds; NaN is never."""
        return self._numbers[:, _MANY:]

    def sheet(self, moment: int) -> Sheet:
        """What they say at a moment, in microseconds since the epoch."""
        as_of = np.full(len(self._ids), moment)
        columns = ReadColumns(self._numbers[:, :_MANY], as_of.astype(np.float64), self._objects)
        return Sheet(self._ids, as_of.view("M8[us]"), columns)

    def _objects(self, name: str) -> Objects:
        """A text (None is missing) or a list (empty is missing) of every customer."""
        found = self._plan.texts(self._rows.layout).get(name)
        if found is None:
            return objects([None] * len(self._ids))
        view, place, number, is_list = found
        missing = (self._hidden[:, view] | self._rows.nulls[:, place]).tolist()
        starts, stops, tails = self._tails
        cuts = zip(starts[:, number].tolist(), stops[:, number].tolist(), missing, strict=True)
        parts = [
            None if null else tail[start:stop]
            for tail, (start, stop, null) in zip(tails, cuts, strict=True)
        ]
        if is_list:
            return objects([_items(part) for part in parts])
        return objects([None if part is None else part.decode() for part in parts])


def _cut(rows: PackedRows) -> tuple[NDArray[np.int64], NDArray[np.int64], Sequence[bytes]]:
    """Where in each customer's variable bytes every text begins and ends; and those bytes.

    Raises:
        FingerprintMismatch: a row is not whole.
    """
    lengths, tails = rows.lengths, rows.tails()
    stops = np.cumsum(lengths, axis=1)
    if (lengths < 0).any() or (stops[:, -1] != [len(tail) for tail in tails]).any():
        raise damaged()
    return stops - lengths, stops, tails


def _items(part: bytes | None) -> list[str | None]:
    if not part:
        return []
    return [None if one == _NULL else one.decode() for one in part[:-1].split(_END)]
