"""Which feature views an event has a part in, found by computing them for it alone."""

from collections.abc import Sequence
from threading import Lock

import pyarrow as pa

from retain.clock import to_micros
from retain.event import Event, to_table
from retain.features.consent import PROFILING
from retain.features.engine import KEYS_SCHEMA, VIEWS, valid_until_name
from retain.features.resident import ResidentEngine

_LINKS = frozenset({"identity_linked", "identity_unlinked"})
_CONSENTS = frozenset({"consent_given", "consent_withdrawn"})


class Touched:
    """Asks the feature engine itself, so that the answer is never another than the features'."""

    def __init__(self) -> None:
        self._engine: ResidentEngine | None = None
        self._lock = Lock()

    def views(self, events: Sequence[Event]) -> list[list[str]]:
        """For each event the names of its views.

        A link of identities and a consent to profiling decide about every one.
        """
        if not events:
            return []
        with self._lock:
            self._engine = self._engine or ResidentEngine()
        # each event is somebody's only one: what then differs from nothing is its doing
        alone = [str(at) for at in range(len(events))]
        rows = to_table(events)
        rows = rows.set_column(
            rows.schema.get_field_index("customer_id"), "customer_id", pa.array(alone)
        )
        moments = pa.array([to_micros(event.ts) for event in events], pa.int64())
        columns = [pa.array(alone), moments.cast(KEYS_SCHEMA.field("as_of").type)]
        keys = pa.Table.from_arrays(columns, schema=KEYS_SCHEMA)
        found = self._engine.table(rows, keys).to_pylist()
        return [
            list(VIEWS) if _is_about_all(event) else [v for v in VIEWS if _is_in(row, v)]
            for event, row in zip(events, found, strict=True)
        ]


def _is_about_all(event: Event) -> bool:
    profiling = event.type in _CONSENTS and event.properties.get("purpose") in PROFILING
    return profiling or event.type in _LINKS


def _is_in(row: dict[str, object], view: str) -> bool:
    if row[valid_until_name(view)] is not None:
        return True
    return any(row[f.stored_name] not in (None, f.null_default) for f in VIEWS[view])
