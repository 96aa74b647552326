"""The two reads requests live on: a matrix in manifest order, or Arrow columns; no Feast.

Both are one round trip for any number of customers and decode without a loop over values.
A value older than its view's time to live reads as its declared null default.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.packed_ages import Ages, ages_of
from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_columns import arrays
from feature_repo.packed_layout import Layout
from feature_repo.packed_lines import ENDS, LinePlan, PackedLines
from feature_repo.packed_matrix import MatrixPlan
from feature_repo.packed_rows import Flags, PackedRows
from feature_repo.packed_schema import arrow_type
from feature_repo.packed_view import PackedView


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

    @property
    def ends(self) -> NDArray[np.float64]:
        """As :attr:`PackedLines.ends`."""
        ends = [self.table.column(name).cast(pa.int64()) for name in ENDS]
        return np.column_stack([one.cast(pa.float64(), safe=False).to_numpy() for one in ends])


class PackedReader:
    """Reads of one store; safe to share between threads.

    Args:
        backend: where the rows are.
        views: what may be asked for.
    """

    def __init__(self, backend: PackedBackend, views: Sequence[PackedView]) -> None:
        self._backend = backend
        self._views = tuple(views)
        self._asked = Layout(tuple((v.name, v.schema) for v in self._views), headed=True)
        self._schema = pa.schema(
            [
                pa.field("customer_id", pa.string()),
                *(
                    pa.field(name, arrow_type(view.schema.slots[name][0]))
                    for view in self._views
                    for name in view.columns
                ),
            ]
        )
        self._plan = lru_cache(maxsize=64)(self._planned)
        self._order = lru_cache(maxsize=64)(self._ordered)

    def read_matrix(
        self, customer_ids: Sequence[str], names: Sequence[str], at: datetime
    ) -> PackedMatrix:
        """The stored numbers ``names`` of the customers, (n, d), as they hold at ``at``.

        A customer without a row has NaN there. Times are epoch microseconds. An int64 that
        as a float is no other than the smallest one reads as missing.

        Raises:
            FingerprintMismatch: a name is not stored, or a row has another schema or is damaged.
            InvalidInput: a name is not of a number.
            StoreUnavailable: the store did not answer.
        """
        plan = self._plan(tuple(names))
        rows = self._backend.read(customer_ids, plan.asked)
        ages = ages_of(plan.views, plan.asked, rows, at)
        return PackedMatrix(plan.values(rows, ages), ages)

    def read_table(self, customer_ids: Sequence[str], at: datetime) -> PackedTable:
        """Every stored column of the customers, one line each in the order asked.

        Raises:
            FingerprintMismatch: a row was written for another schema, or is damaged.
            StoreUnavailable: the store did not answer.
        """
        rows = self._backend.read(customer_ids, self._asked)
        return self._tabled(customer_ids, rows, ages_of(self._views, self._asked, rows, at))

    def read_lines(self, customer_ids: Sequence[str], at: datetime) -> PackedLines:
        """As :meth:`read_table`, of the views of the catalogue, for who wants no table."""
        rows = self._backend.read(customer_ids, self._asked)
        ages = ages_of(self._views, self._asked, rows, at)
        hidden = self._hidden(rows, ages)

        def table() -> pa.Table:
            return self._tabled(customer_ids, rows, ages).table

        return PackedLines(self._lines, customer_ids, rows, ages=ages, hidden=hidden, table=table)

    def _hidden(self, rows: PackedRows, ages: Ages) -> Flags:
        """Which views of the rows' layout are not there or too old to be used, (n, views)."""
        hidden = ~rows.present
        if ages.stale.any():
            for position, place in enumerate(rows.layout.places_of(self._asked)):
                if place is not None:
                    hidden[:, place] |= ages.stale[:, position]
        return hidden

    def _tabled(self, customer_ids: Sequence[str], rows: PackedRows, ages: Ages) -> PackedTable:
        made = arrays(rows, self._hidden(rows, ages))
        columns = [pa.array(customer_ids, pa.string())]
        for column, place in enumerate(self._order(rows.layout), start=1):
            columns.append(self._missing(column, rows) if place is None else made[place])
        if ages.stale.any():
            self._put_defaults(columns, ages)
        return PackedTable(pa.Table.from_arrays(columns, schema=self._schema), ages)

    def nothing(self, customer_ids: Sequence[str]) -> PackedTable:
        """What :meth:`read_table` answers for customers without any row."""
        count, views = len(customer_ids), len(self._views)
        missing = [pa.nulls(count, field.type) for field in self._schema][1:]
        columns = [pa.array(customer_ids, pa.string()), *missing]
        absent = np.zeros((count, views), dtype=bool)
        ages = Ages(self._asked.names, np.full((count, views), NO_TIME), absent, absent.copy())
        return PackedTable(pa.Table.from_arrays(columns, schema=self._schema), ages)

    @cached_property
    def _lines(self) -> LinePlan:
        return LinePlan(self._views)

    def _ordered(self, layout: Layout) -> tuple[int | None, ...]:
        """Of every column but the customer its place among the fields of the layout."""
        fields = {field[:2]: place for place, field in enumerate(layout.fields)}
        return tuple(
            None if own is None else fields.get((own, name))
            for view, own in zip(self._views, layout.places_of(self._asked), strict=True)
            for name in view.columns
        )

    def _missing(self, column: int, rows: PackedRows) -> pa.Array:
        return pa.nulls(len(rows), self._schema.field(column).type)

    def _put_defaults(self, columns: list[pa.Array], ages: Ages) -> None:
        for position, view in enumerate(self._views):
            late = pa.array(ages.stale[:, position])
            for name, default in view.null_defaults.items():
                place = self._schema.get_field_index(name)
                own = columns[place]
                columns[place] = pc.if_else(late, pa.scalar(default, own.type), own)

    def _planned(self, names: tuple[str, ...]) -> MatrixPlan:
        return MatrixPlan(self._views, names)
