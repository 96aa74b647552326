"""A view as it is stored, offline and online: its features, its validity, its moments."""

import pyarrow as pa

from retain.features.engine import view_schema

KEY = "customer_id"
EVENT_TIMESTAMP = "event_timestamp"
CREATED_TIMESTAMP = "created_timestamp"


def computed_at_name(view: str) -> str:
    """The stored moment a row of ``view`` was computed for, in epoch microseconds."""
    return f"{view}_computed_at"


def stored_schema(view: str) -> pa.Schema:
    """Columns of one view without its keys."""
    return view_schema(view).append(pa.field(computed_at_name(view), pa.int64()))


def stored_rows(table: pa.Table, view: str) -> pa.Table:
    """The rows of one view of a feature table, with the customer and the event time."""
    moments = table.column("as_of")
    rows = table.select([KEY, *view_schema(view).names])
    rows = rows.append_column(computed_at_name(view), moments.cast(pa.int64()))
    return rows.append_column(EVENT_TIMESTAMP, moments)
