"""The online store: materialise, write what a micro-batch computed, read and age.

A stored row answers only while it holds: it was computed at or before the moment asked for,
no window edge has passed since (``valid_until``), and the log has nothing newer of that
customer. Otherwise the customer's features are computed from the log, by the same SQL.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import pyarrow as pa
from feast import FeatureStore
from feast.data_source import PushMode

from feature_repo import offline
from feature_repo.definitions import (
    CREATED_TIMESTAMP,
    EVENT_TIMESTAMP,
    computed_at_name,
    push_source_name,
    stored_schema,
)
from feature_repo.store import open_store, quiet
from retain.clock import from_micros, to_micros
from retain.errors import StoreUnavailable
from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA, VIEWS, valid_until_name
from retain.features.reader import Features, LogReader
from retain.settings import Settings

_REFERENCES = [f"{view}:{name}" for view in VIEWS for name in stored_schema(view).names]


def materialize(
    settings: Settings, as_of: datetime, progress: Callable[[str, int, int], None] | None = None
) -> int:
    """Load the snapshot at ``as_of`` into the online store; returns how many customers it has."""
    offline.build(settings, [as_of], progress)
    store = open_store(settings)
    names = list(VIEWS)
    for done, view in enumerate(names):
        if progress:
            progress("materialize", done, len(names))
        with quiet():
            store.materialize(
                start_date=as_of - timedelta(seconds=1), end_date=as_of, feature_views=[view]
            )
    if progress:
        progress("materialize", len(names), len(names))
    return len(offline.customers_at(settings, as_of))


class OnlineReader:
    """Reads of the online store, completed from the log where a row does not hold."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._store: FeatureStore = open_store(settings)
        self._log = log
        self._recompute = LogReader(log)
        # Feast's SQLite store shares one connection between threads
        self._lock = Lock()

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``, aged and current."""
        asked = list(dict.fromkeys(customer_ids))
        if not asked:
            return Features(FEATURE_SCHEMA.empty_table(), [], {})
        stored = self._stored(asked)
        holds = self._holding(asked, stored, as_of)
        kept = {customer_id: row for row, customer_id in enumerate(asked) if customer_id in holds}
        rest = self._recompute.read([c for c in asked if c not in holds], as_of)
        at = pa.array([to_micros(as_of)] * len(asked), pa.int64()).cast(
            FEATURE_SCHEMA.field("as_of").type
        )
        online = pa.Table.from_pydict({"customer_id": asked, "as_of": at, **stored}).select(
            FEATURE_SCHEMA.names
        )
        online = online.cast(FEATURE_SCHEMA).take(pa.array(list(kept.values()), pa.int64()))
        both = pa.concat_tables([online, rest.table])
        return Features(
            table=_in_order(both, customer_ids),
            unknown=[c for c in customer_ids if c in set(rest.unknown)],
            features_as_of={**{c: from_micros(holds[c]) for c in kept}, **rest.features_as_of},
        )

    def write(self, customer_ids: Sequence[str], as_of: datetime) -> None:
        """Recompute these customers at ``as_of`` from the log and write their rows online.

        Raises:
            StoreUnavailable: the log or the online store did not answer.
        """
        table = self._recompute.read(customer_ids, as_of).table
        if table.num_rows == 0:
            return
        for view in VIEWS:
            rows = offline.snapshot_rows(table, view).to_pandas()
            rows[CREATED_TIMESTAMP] = rows[EVENT_TIMESTAMP]
            with self._lock, _store_errors():
                self._store.push(push_source_name(view), rows, to=PushMode.ONLINE)

    def _stored(self, customer_ids: list[str]) -> dict[str, list[Any]]:
        with self._lock, _store_errors():
            response = self._store.get_online_features(
                features=_REFERENCES, entity_rows=[{"customer_id": c} for c in customer_ids]
            )
        columns: dict[str, list[Any]] = response.to_dict()
        columns.pop("customer_id")
        return columns

    def _holding(
        self, customer_ids: list[str], stored: dict[str, list[Any]], as_of: datetime
    ) -> dict[str, int]:
        """When the stored row of each customer was computed, of those whose row holds."""
        moment = to_micros(as_of)
        pending = self._log.pending_among(customer_ids)
        holds: dict[str, int] = {}
        for row, customer_id in enumerate(customer_ids):
            computed = [stored[computed_at_name(view)][row] for view in VIEWS]
            if customer_id in pending or None in computed or max(computed) > moment:
                continue
            expiry = [stored[valid_until_name(view)][row] for view in VIEWS]
            if all(edge is None or moment < edge for edge in expiry):
                holds[customer_id] = min(computed)
        return holds


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Feast lets the driver's own errors through, whichever store is behind it
        raise StoreUnavailable(
            f"the online store did not answer: {error}", remedy="try again in a moment"
        ) from error


def _in_order(table: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    rows = {c: row for row, c in enumerate(table.column("customer_id").to_pylist())}
    return table.take(pa.array([rows[c] for c in customer_ids if c in rows], pa.int64()))
