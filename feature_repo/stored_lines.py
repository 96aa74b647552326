"""The stored rows of some customers, and what of them still holds."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_columns import arrays
from feature_repo.packed_layout import Layout
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_view import PackedView
from retain.features import consent
from retain.features.engine import valid_until_name

_PURPOSES = "withdrawn_purposes"


class StoredLines:
    """One line per customer: their rows of all ``views``, read in one go.

    Raises:
        FingerprintMismatch: a row is of other features than these, or damaged.
        StoreUnavailable: the online store did not answer.
    """

    def __init__(
        self, backend: PackedBackend, views: Sequence[PackedView], customer_ids: Sequence[str]
    ) -> None:
        self._views = {view.name: column for column, view in enumerate(views)}
        self._places = {one: place for place, one in enumerate(customer_ids)}
        self._cells = backend.read_rows(customer_ids, list(self._views))
        layout = Layout(tuple((view.name, view.schema) for view in views), headed=True)
        rows = PackedRows.beside(layout, list(zip(*self._cells, strict=True)))
        self._event_us, self._ends = rows.event_us, _ends(rows, views)
        self._is_whole: NDArray[np.bool_] = np.all(rows.present, axis=1)
        profile = self._views[consent.VIEW]
        there = [cell for cell in self._cells[profile] if cell is not None]
        withdrawn = _withdrawn(views[profile], there)
        self._forbidden = np.zeros(len(customer_ids), dtype=np.bool_)
        self._forbidden[np.flatnonzero(rows.present[:, profile])[withdrawn]] = True

    def row(self, customer_id: str, view: str) -> bytes | None:
        """A row as it is stored."""
        return self._cells[self._views[view]][self._places[customer_id]]

    def latest(self, customer_id: str) -> int:
        """The moment of the newest of the customer's rows, in epoch microseconds."""
        return int(self._event_us[self._places[customer_id]].max())

    def oldest(self, customer_id: str) -> int:
        """The moment of the oldest of them."""
        return int(self._event_us[self._places[customer_id]].min())

    def is_whole(self, customer_id: str) -> bool:
        """Whether there is a row of every view."""
        return bool(self._is_whole[self._places[customer_id]])

    def is_forbidden(self, customer_id: str) -> bool:
        """Whether the customer may not be profiled, by the row that says so."""
        return bool(self._forbidden[self._places[customer_id]])

    def passed(self, customer_ids: Sequence[str], moment: int) -> NDArray[np.bool_]:
        """Whose row of which view a window edge has passed by ``moment``, (n, v)."""
        ends = self._ends.take([self._places[one] for one in customer_ids], axis=0)
        passed: NDArray[np.bool_] = np.less_equal(ends, moment)
        return passed


def _ends(rows: PackedRows, views: Sequence[PackedView]) -> NDArray[np.int64]:
    """Until when every row holds, (n, v); as long as there is time where no edge is near."""
    columns = []
    for column, view in enumerate(views):
        dtype, slot, _ = view.schema.slots[valid_until_name(view.name)]
        ends = rows.values(column, dtype)[:, slot].astype(np.int64)
        # the slot of a null holds the smallest number
        columns.append(np.where(ends == np.iinfo(np.int64).min, np.iinfo(np.int64).max, ends))
    return np.stack(columns, axis=1)


def _withdrawn(profile: PackedView, cells: Sequence[bytes]) -> list[int]:
    """Places of the rows whose customers may not be profiled."""
    rows = PackedRows.of(profile.schema, cells, view=profile.name)
    names = [name for _, name, _ in rows.layout.fields]
    column = arrays(rows)[names.index(_PURPOSES)]
    places: list[int] = consent.withdrawn(pa.table({_PURPOSES: column})).to_pylist()
    return places
