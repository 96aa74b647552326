"""Events as one DuckDB view, whether they come as a table or as Parquet files."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from retain.clock import to_micros

MICROSECONDS_PER_HOUR = 3_600_000_000

Source: TypeAlias = pa.Table | str
Events = duckdb.DuckDBPyConnection


@contextmanager
def opened(source: Source, as_of: datetime, *, memory_limit: str = "1GB") -> Iterator[Events]:
    """A connection whose view ``events`` holds nothing after ``as_of``.

    ``source`` is rows of the event log, or a Parquet glob of its history. Besides the
    event's own columns the view has ``age``: microseconds from the event to ``as_of``.
    """
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if isinstance(source, str):
            given = f"read_parquet('{source}', hive_partitioning=false)"
        else:
            given = "given_events"
            connection.register(given, source)
        until = to_micros(as_of)
        connection.execute(
            f"CREATE TEMP VIEW events AS SELECT *, {until} - epoch_us(ts) AS age "
            f"FROM {given} WHERE ts <= make_timestamptz({until})"
        )
        yield connection


def rows(events: Events, query: str) -> list[tuple[Any, ...]]:
    """Every row of ``query``."""
    found: list[tuple[Any, ...]] = events.sql(query).fetchall()
    return found
