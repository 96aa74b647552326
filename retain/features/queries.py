"""What the engine asks of the facts: one query per feature view, for whatever keys there are."""

from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa

from retain.event import EVENT_SCHEMA
from retain.features import consent
from retain.features.catalogue import FEATURES
from retain.features.feature import DAY_US, Feature, within
from retain.features.relations import RELATIONS

KEYS_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.timestamp("us", "UTC"), nullable=False),
    ]
)
VIEWS: dict[str, tuple[Feature, ...]] = {
    relation: tuple(f for f in FEATURES if f.relation == relation) for relation in RELATIONS
}

_ARROW = {
    "number": pa.float64(),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "since": pa.int64(),
    "until": pa.int64(),
}
# what facts are made of; the other columns of the log are never read for features
_READ = ("event_id", "type", "customer_id", "anonymous_id", "session_id", "ts", "channel")
EVENT_COLUMNS = pa.schema([EVENT_SCHEMA.field(name) for name in (*_READ, "properties")])


def valid_until_name(view: str) -> str:
    """The column that says until when a stored row of ``view`` holds, in epoch microseconds."""
    return f"{view}_valid_until"


def view_schema(view: str) -> pa.Schema:
    """Stored columns of one view: its features in order, then its ``valid_until``."""
    fields = [pa.field(f.stored_name, _ARROW[f.dtype]) for f in VIEWS[view]]
    return pa.schema([*fields, pa.field(valid_until_name(view), pa.int64())])


FEATURE_SCHEMA = pa.schema(
    [*KEYS_SCHEMA, *(field for view in VIEWS for field in view_schema(view))]
)


def feature_table(
    connection: duckdb.DuckDBPyConnection,
    keys: pa.Table,
    queries: Mapping[str, str],
    places: pa.Array | None = None,
) -> pa.Table:
    """Every view of the table ``keys``; with ``places``, its rows in the places of ``keys``."""
    first = {consent.VIEW: connection.sql(queries[consent.VIEW]).to_arrow_table()}
    if len(forbidden := consent.withdrawn(first[consent.VIEW])):
        # nobody's events are under this id: nothing else is computed of them
        connection.execute(_LEAVE_OUT, [forbidden.to_pylist()])
    rest = {
        view: connection.sql(query).to_arrow_table()
        for view, query in queries.items()
        if view not in first
    }
    found = [{**first, **rest}[view] for view in queries]
    if places is not None:
        found = [view.take(places) for view in found]
    columns = [column for view in found for column in view.columns]
    names = [name for view in found for name in view.column_names]
    return pa.table([*keys.columns, *columns], names=[*keys.column_names, *names]).cast(
        FEATURE_SCHEMA
    )


def _query(view: str, features: Iterable[Feature]) -> str:
    """One view's columns for every key, in the order of the keys."""
    columns = [f"{f.stored_sql} AS {f.stored_name}" for f in features]
    windows = sorted({days for f in features for days in f.windows})
    edges = [f"epoch_us(min(ts) FILTER (WHERE {within(d)})) + {d * DAY_US}" for d in windows]
    expiry = f"least({', '.join(edges)})" if edges else "NULL::BIGINT"
    columns.append(f"{expiry} AS {valid_until_name(view)}")
    selected = [*map(_selected, features), valid_until_name(view)]
    return (
        f"WITH relation AS ({RELATIONS[view]}), aggregated AS ("
        f"SELECT customer_id, as_of, {', '.join(columns)} FROM relation "
        f"GROUP BY customer_id, as_of) SELECT {', '.join(selected)} "
        "FROM keys LEFT JOIN aggregated USING (customer_id, as_of) ORDER BY key_order"
    )


def _selected(feature: Feature) -> str:
    name = feature.stored_name
    if feature.null_default is None:
        return name
    return f"coalesce({name}, {feature.null_default}) AS {name}"


_LEAVE_OUT = """
    UPDATE keys SET customer_id = chr(31) WHERE key_order IN (
        SELECT key_order FROM (
            SELECT key_order, row_number() OVER (ORDER BY key_order) - 1 AS place FROM keys
        ) WHERE place IN (SELECT unnest(?)))
"""
QUERIES = {view: _query(view, features) for view, features in VIEWS.items()}
