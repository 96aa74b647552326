"""The feature engine: the same SQL over ten million customers and over one.

DuckDB reads the events once into typed facts; for every set of (customer, as_of) keys it then
makes the prepared relations and aggregates each declared feature. Nothing after ``as_of`` is
ever visible (``ts <= as_of``).

:class:`FeatureEngine` holds one set of events and answers for any keys in it; that of
:mod:`retain.features.resident` is planned once and takes other events with every call.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from retain.clock import to_micros
from retain.duck import connected
from retain.features import versions
from retain.features.facts import FACTS
from retain.features.queries import (
    EVENT_COLUMNS,
    FEATURE_SCHEMA,
    KEYS_SCHEMA,
    QUERIES,
    VIEWS,
    feature_table,
    valid_until_name,
    view_schema,
)
from retain.features.versions import Versions
from retain.identity import MEMBERSHIPS_SCHEMA, memberships
from retain.identity_links import LINKS_SCHEMA, LINKS_SQL

__all__ = [
    "EVENT_COLUMNS",
    "FEATURE_SCHEMA",
    "KEYS_SCHEMA",
    "VIEWS",
    "FeatureEngine",
    "in_batches",
    "keys_of",
    "valid_until_name",
    "view_schema",
]

_LARGE = 50_000


class FeatureEngine:
    """Facts of a set of events, and feature tables at any moment in them.

    Args:
        events: rows of the event log, or a Parquet glob of its history.
        members: who belongs to whom (:data:`retain.identity.MEMBERSHIPS_SCHEMA`); where it is
            not given, the links among ``events`` say it.
        memory_limit: DuckDB's limit; beyond it, it spills to ``spill``.
        spill: folder for spilled data.

    Use as a context manager; the facts live in memory until it is closed.
    """

    def __init__(
        self,
        events: pa.Table | str,
        *,
        members: pa.Table | None = None,
        memory_limit: str = "1GB",
        spill: Path | None = None,
    ) -> None:
        self._connection = connected(memory_limit=memory_limit)
        if spill is not None:
            self._connection.execute(f"SET temp_directory = '{spill}'")
        if isinstance(events, str):
            self._connection.execute(
                f"CREATE TEMP VIEW events AS FROM read_parquet('{events}', hive_partitioning=false)"
            )
        else:
            self._connection.register("events", events)
        if members is None:
            members = _members_in(self._connection)
        self._versions = Versions(self._connection, members) if members.num_rows else None
        # few events: computing a fact twice is cheaper than creating a table for it
        large = isinstance(events, str) or events.num_rows > _LARGE
        create_facts(self._connection, "TABLE" if large or self._versions else "VIEW")
        if self._versions:
            self._connection.execute(
                f"CREATE TEMP TABLE member_events AS {versions.of_members('events')}"
            )
        self._connection.register("given", KEYS_SCHEMA.empty_table())
        self._connection.execute(f"CREATE TEMP TABLE keys AS {KEYS_SQL}")
        self._connection.unregister("given")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def table(self, keys: pa.Table) -> pa.Table:
        """The feature table (:data:`FEATURE_SCHEMA`) of ``keys``, in the order of ``keys``.

        A customer without events at ``as_of`` gets the declared null defaults. An id that was
        merged into a customer by then gets that customer's features.
        """
        self._connection.execute("DELETE FROM keys")
        if self._versions is None and _are_distinct(keys):
            insert(self._connection, "keys", KEYS_SQL, keys)
            return feature_table(self._connection, keys, QUERIES)
        if self._versions is None:
            self._versions = Versions(self._connection, MEMBERSHIPS_SCHEMA.empty_table())
        self._ask(self._versions, keys)
        self._connection.execute(f"INSERT INTO keys {versions.KEYS}")
        return feature_table(self._connection, keys, QUERIES, self._versions.places())

    def customers(self, as_of: datetime, *, ordered_within_days: int | None = None) -> pa.Table:
        """Keys of every customer with an event up to ``as_of``, in the order of their ids.

        With ``ordered_within_days``: only those with an order in that many days before it.
        Ids that were merged into another customer by then are not customers of their own.
        """
        known = "SELECT DISTINCT customer_id, $as_of::TIMESTAMPTZ AS as_of FROM {fact} WHERE "
        ordered = "is_order AND ts <= $as_of AND ts > $as_of - to_days($days)"
        given: dict[str, object] = {"as_of": as_of}
        if ordered_within_days is None:
            query = known.format(fact="events") + "ts <= $as_of AND customer_id IS NOT NULL"
            if self._versions is not None:
                query += f" AND NOT EXISTS ({_MERGED_AWAY.format(at='$at')})"
                given["at"] = to_micros(as_of)
        else:
            query = known.format(fact="fact_orders") + ordered
            given["days"] = ordered_within_days
            if self._versions is not None:
                self._ask(self._versions, self.customers(as_of))
                query = (
                    "SELECT asked_id AS customer_id, as_of FROM asked WHERE customer_id IN "
                    f"(SELECT customer_id FROM fact_orders WHERE {ordered})"
                )
        found = self._connection.sql(f"{query} ORDER BY customer_id", params=given)
        return found.to_arrow_table().cast(KEYS_SCHEMA)

    def orders(self, until: datetime) -> pa.Table:
        """``customer_id, ts, is_order, value`` of every order and return up to ``until``.

        Returns are negative. What a merged customer bought stands under each of its ids, as
        they were linked at ``until``: under whichever one it was known before, it did buy.
        """
        source, customer_id = "fact_orders AS f", "f.customer_id"
        if self._versions is not None:
            ids = self._connection.sql(
                "SELECT DISTINCT customer_id FROM events WHERE customer_id IS NOT NULL "
                "UNION SELECT member_id FROM memberships WHERE member_kind = 'customer'"
            ).to_arrow_table()
            self._ask(self._versions, keys_of(ids.column(0).to_pylist(), until))
            source += " JOIN asked AS a ON a.customer_id = f.customer_id"
            customer_id = "a.asked_id"
        return self._connection.sql(
            f"SELECT {customer_id} AS customer_id, f.ts, f.is_order, f.value FROM {source} "
            "WHERE f.ts <= $until ORDER BY ALL",
            params={"until": until},
        ).to_arrow_table()

    def sql(self, query: str) -> pa.Table:
        """Rows of any query over the events, whose ids are those they came with."""
        return self._connection.sql(query).to_arrow_table()

    def _ask(self, asked: Versions, keys: pa.Table) -> None:
        """Translate ``keys``, and add the facts of versions that nothing asked for before."""
        turn = asked.ask(keys)
        if turn is None:
            return
        new = versions.events_of(turn, "member_events", EVENT_COLUMNS.names)
        self._connection.execute(f"CREATE TEMP TABLE version_events AS {new}")
        within = ["events AS (FROM version_events)"]
        for name, sql in FACTS.items():
            # the names of this WITH come before those of the tables
            self._connection.execute(f"INSERT INTO {name} WITH {', '.join(within)} {sql}")
            within.append(f"{name} AS ({sql})")
        self._connection.execute("DROP TABLE version_events")


def keys_of(customer_ids: Sequence[str], as_of: datetime) -> pa.Table:
    """Keys of these customers at one moment."""
    micros = pa.array([to_micros(as_of)] * len(customer_ids), pa.int64())
    return pa.Table.from_arrays(
        [pa.array(customer_ids, pa.string()), micros.cast(pa.timestamp("us", "UTC"))],
        schema=KEYS_SCHEMA,
    )


def in_batches(keys: pa.Table, size: int) -> Iterator[pa.Table]:
    """``keys`` in slices of ``size`` rows, so that memory does not grow with the base."""
    for start in range(0, keys.num_rows, size):
        yield keys.slice(start, size)


def create_facts(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    """The facts of the table ``events``, each as a ``kind`` of relation: a table or a view."""
    for name, sql in FACTS.items():
        connection.execute(f"CREATE TEMP {kind} {name} AS {sql}")


def insert(connection: duckdb.DuckDBPyConnection, name: str, source: str, rows: pa.Table) -> None:
    """Put ``rows``, read by the query ``source`` as ``given``, into the table ``name``."""
    connection.register("given", rows)
    connection.execute(f"INSERT INTO {name} {source}")
    connection.unregister("given")


def _are_distinct(keys: pa.Table) -> bool:
    return bool(keys.group_by(KEYS_SCHEMA.names).aggregate([]).num_rows == keys.num_rows)


def _members_in(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    links = connection.sql(LINKS_SQL.format(events="events")).to_arrow_table()
    return memberships(links.cast(LINKS_SCHEMA))


KEYS_SQL = "SELECT customer_id, as_of, row_number() OVER () AS key_order FROM given"
_MERGED_AWAY = """FROM memberships AS m WHERE m.member_kind = 'customer'
    AND m.member_id = events.customer_id AND m.customer_id <> m.member_id
    AND m.from_us <= {at} AND {at} < m.until_us"""
