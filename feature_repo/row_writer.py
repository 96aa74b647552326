"""Writing the online rows of customers again: computing what changed, carrying on what holds.

Computing costs by the view. A view that no new event has a part in, and that no window edge has
passed, would be computed to the same values: its stored row goes on with the new moment in it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_codec import Encoded, encode, raw_time
from feature_repo.packed_view import PackedView
from feature_repo.stored import computed_at_name
from feature_repo.stored_lines import StoredLines
from retain.clock import from_micros, to_micros
from retain.errors import FingerprintMismatch
from retain.features import consent
from retain.features.reader import LogReader, Told
from retain.features.relevance import views_of

_NONE: Mapping[str, int] = {}


class RowWriter:
    """Writes rows of ``views`` to ``rows``, computed by ``computed``."""

    def __init__(
        self, rows: PackedBackend, views: Sequence[PackedView], computed: LogReader
    ) -> None:
        self._rows = rows
        self._views = tuple(views)
        self._computed = computed
        self._is_consent = np.array([view.name == consent.VIEW for view in self._views])

    def write(
        self, customer_ids: Sequence[str], as_of: datetime, first: Mapping[str, int] = _NONE
    ) -> None:
        """Bring the rows of these customers up to ``as_of``.

        ``first`` is the first sequence number of the log that a customer's rows may lack. Who is
        not in it is computed as a whole, and so is who has no rows, or rows of other features.
        Whose row is of a later moment, because a clock was ahead, is computed at that moment:
        an older row does not replace a newer one, and the event that came since would be missing.

        Raises:
            StoreUnavailable: the log or the online store did not answer.
        """
        if not customer_ids:
            return
        stored: StoredLines | None
        try:
            stored = StoredLines(self._rows, self._views, customer_ids)
        except FingerprintMismatch:  # rows of another version: they are only there to be replaced
            stored = None
        moments: dict[int, list[str]] = {}
        for one in customer_ids:
            latest = 0 if stored is None else stored.latest(one)
            moments.setdefault(max(latest, to_micros(as_of)), []).append(one)
        for micros, ids in moments.items():
            self._write(ids, from_micros(micros), stored, first)

    def _write(
        self,
        customer_ids: Sequence[str],
        as_of: datetime,
        stored: StoredLines | None,
        first: Mapping[str, int],
    ) -> None:
        told = self._computed.told(customer_ids, as_of)
        # who was merged away has no row of their own, and reads never ask for it
        asked = set(customer_ids)
        own = [one for one in told.known if one in asked]
        if not own:
            return
        changed = np.ones((len(own), len(self._views)), dtype=np.bool_)
        if stored is not None:
            changed = self._changed(own, told, stored, first, to_micros(as_of))
        wanted = {
            view.name: [own[row] for row in np.flatnonzero(changed[:, column])]
            for column, view in enumerate(self._views)
            if changed[:, column].any()
        }
        found = self._computed.views(told, wanted, as_of) if wanted else {}
        rows: dict[PackedView, Encoded] = {}
        for column, view in enumerate(self._views):
            new = changed[:, column]
            made = _computed(view, found[view.name], as_of) if new.any() else None
            if made is None or not new.all():
                kept = [None if stored is None else stored.row(one, view.name) for one in own]
                made = _carried(view, kept, made, new, as_of)
            rows[view] = made
        self._rows.write(own, rows)

    def _changed(
        self,
        own: Sequence[str],
        told: Told,
        stored: StoredLines,
        first: Mapping[str, int],
        moment: int,
    ) -> NDArray[np.bool_]:
        """Of whom which views are to be computed, (n, v)."""
        since = np.array([stored.oldest(one) for one in own], dtype=np.int64)
        changed = stored.passed(own, moment)
        new = _new_events(told.events, own, since, [first.get(one, 0) for one in own])
        for row, event_type in new:
            views = views_of(event_type)
            changed[row] |= [view.name in views for view in self._views]
        for row, one in enumerate(own):
            if stored.is_forbidden(one) and not changed[row].all():
                # nothing but the view that says so is computed of them, until that is taken back
                changed[row] &= self._is_consent
            if one not in first or not stored.is_whole(one):
                changed[row] = True
            elif told.people:
                before = told.people.members(one, int(since[row]))
                changed[row] |= before != told.people.members(one, moment)
        return changed


def _computed(view: PackedView, table: pa.Table, as_of: datetime) -> Encoded:
    """Rows of what was computed."""
    moments = np.full(table.num_rows, to_micros(as_of))
    table = table.append_column(computed_at_name(view.name), pa.array(moments))
    return encode(view.schema, table, moments)


def _carried(
    view: PackedView,
    stored: Sequence[bytes | None],
    made: Encoded | None,
    new: NDArray[np.bool_],
    as_of: datetime,
) -> Encoded:
    """The stored rows as rows of a later moment; in the places of those that are new, ``made``."""
    rows = list(stored)
    if made is not None:
        for place, row in zip(np.flatnonzero(new), made.rows(), strict=True):
            rows[place] = row
    encoded = Encoded.of_rows(view.schema, rows)
    fixed = encoded.fixed.copy()
    dtype, slot, _ = view.schema.slots[computed_at_name(view.name)]
    fixed["event"] = raw_time(np.full(len(rows), to_micros(as_of)))
    fixed[dtype][:, slot] = to_micros(as_of)
    return Encoded(view.schema, fixed, encoded.pieces)


def _new_events(
    events: pa.Table, own: Sequence[str], since: NDArray[np.int64], first: Sequence[int]
) -> set[tuple[int, str]]:
    """Whose rows lack an event of which type: it came, or its time has come, since they are of."""
    places = pc.index_in(events.column("customer_id"), value_set=pa.array(own, pa.string()))
    rows = places.fill_null(len(own)).to_numpy()
    lowest = np.append(np.array(first, dtype=np.int64), np.iinfo(np.int64).max)
    latest = np.append(since, np.iinfo(np.int64).max)
    seq = events.column("seq").to_numpy()
    moments = events.column("ts").cast(pa.int64()).to_numpy()
    new = np.flatnonzero((seq >= lowest[rows]) | (moments > latest[rows]))
    types = events.column("type").take(pa.array(new)).to_pylist()
    return set(zip(rows[new].tolist(), types, strict=True))
