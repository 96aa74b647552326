"""The online store as the service reads it: packed rows, without importing Feast.

A stored row answers only while it holds: it was computed at or before the moment asked for,
no window edge has passed since (``valid_until``), and the log has nothing newer of that
customer. Otherwise the customer's features are computed from the log, by the same SQL.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_home import online_rows
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_view import stored_views
from feature_repo.packed_writer import write_views
from feature_repo.stored import computed_at_name, stored_rows
from retain.clock import from_micros, to_micros
from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA, VIEWS, valid_until_name
from retain.features.reader import Features, LogReader
from retain.settings import Settings


class OnlineReader:
    """Reads of the online store, completed from the log where a row does not hold."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._rows = online_rows(settings)
        self._views = stored_views()
        self._reader = PackedReader(self._rows, self._views)
        self._log = log
        self._recompute = LogReader(log)
        for view in self._views:
            self._rows.add_view(view)

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``, aged and current.

        Raises:
            StoreUnavailable: the online store or the log did not answer.
            FingerprintMismatch: a stored row is of other features than these.
        """
        asked = list(dict.fromkeys(customer_ids))
        if not asked:
            return Features(FEATURE_SCHEMA.empty_table(), [], {})
        stored = self._reader.read_table(asked, as_of).table
        computed, holds = self._holding(asked, stored, as_of)
        rest = self._recompute.read(
            [one for one, kept in zip(asked, holds, strict=True) if not kept], as_of
        )
        moment = FEATURE_SCHEMA.field("as_of")
        at = pa.array([to_micros(as_of)] * len(asked), pa.int64()).cast(moment.type)
        online = stored.append_column(moment, at).select(FEATURE_SCHEMA.names)
        kept = online.cast(FEATURE_SCHEMA).filter(pa.array(holds))
        unknown = set(rest.unknown)
        computed_at = {
            one: from_micros(int(micros))
            for one, micros, held in zip(asked, computed, holds, strict=True)
            if held
        }
        return Features(
            table=_in_order(pa.concat_tables([kept, rest.table]), customer_ids),
            unknown=[one for one in customer_ids if one in unknown],
            features_as_of={**computed_at, **rest.features_as_of},
        )

    def write(self, customer_ids: Sequence[str], as_of: datetime) -> None:
        """Recompute these customers at ``as_of`` from the log and write their rows online.

        Raises:
            StoreUnavailable: the log or the online store did not answer.
        """
        table = self._recompute.read(customer_ids, as_of).table
        if table.num_rows:
            write_views(self._rows, {view: stored_rows(table, view.name) for view in self._views})

    def _holding(
        self, customer_ids: list[str], stored: pa.Table, as_of: datetime
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """When each customer's row was computed, and whether it still holds, each (n,)."""
        moment = to_micros(as_of)
        computed = _columns(stored, [computed_at_name(view) for view in VIEWS])
        expiry = _columns(stored, [valid_until_name(view) for view in VIEWS])
        pending = self._log.pending_among(customer_ids)
        last = self._log.last_event_of(customer_ids, as_of)
        latest = np.array([last.get(one, np.nan) for one in customer_ids])
        reflected = np.array([one not in pending for one in customer_ids])
        reflected &= latest <= computed.min(axis=1)
        # NaN: no row at all where it was computed, no edge ahead where it expires
        present = (computed <= moment).all(axis=1)
        return computed.min(axis=1), reflected & present & ~(expiry <= moment).any(axis=1)


def _columns(table: pa.Table, names: list[str]) -> NDArray[np.float64]:
    columns = [table.column(name).cast(pa.float64(), safe=False).to_numpy() for name in names]
    return np.column_stack(columns)


def _in_order(table: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    rows = {one: row for row, one in enumerate(table.column("customer_id").to_pylist())}
    return table.take(pa.array([rows[one] for one in customer_ids if one in rows], pa.int64()))
