"""Events as one DuckDB view, whether they come as a table or as Parquet files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import gettempdir
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from retain.clock import to_micros
from retain.duck import connected

MICROSECONDS_PER_HOUR = 3_600_000_000

_MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Stored:
    """A home's events: the Parquet glob of its history, and the rows of the log beyond it."""

    glob: str | None
    beyond: pa.Table


Source: TypeAlias = pa.Table | str | Stored
Events = duckdb.DuckDBPyConnection


@contextmanager
def opened(
    source: Source, as_of: datetime, *, days: float, only_times: bool = False, threads: int = 2
) -> Iterator[Events]:
    """A connection whose view ``events`` holds the last ``days`` before ``as_of``, it included.

    ``source`` is rows of the event log, a Parquet glob of its history, of which only the
    days asked for are opened, or both. Besides the event's own columns the view has ``age``:
    microseconds from the event to ``as_of``. With ``only_times`` it is a table of ``type``
    and ``age``, read once: most of what a scan of many days costs is opening their files.
    """
    with connected(
        memory_limit=_MEMORY, threads=threads, temp_directory=gettempdir()
    ) as connection:
        since = as_of - timedelta(days=days)
        given = _given(connection, source, since, as_of)
        until = to_micros(as_of)
        connection.execute(
            f"CREATE TEMP {'TABLE' if only_times else 'VIEW'} events AS "
            f"SELECT {'type' if only_times else '*'}, {until} - epoch_us(ts) AS age FROM {given} "
            f"WHERE ts <= make_timestamptz({until}) AND ts > make_timestamptz({to_micros(since)})"
        )
        yield connection


def _given(events: Events, source: Source, since: datetime, until: datetime) -> str:
    if isinstance(source, str):
        return _files(source, since, until)
    events.register("given_events", source.beyond if isinstance(source, Stored) else source)
    if isinstance(source, Stored) and source.glob:
        history = _files(source.glob, since, until)
        return f"(SELECT * FROM {history} UNION ALL BY NAME SELECT * FROM given_events)"
    return "given_events"


def _files(glob: str, since: datetime, until: datetime) -> str:
    if "/day=" not in glob:
        return f"read_parquet('{glob}', hive_partitioning=false)"
    return (
        f"(SELECT * EXCLUDE (day) FROM read_parquet('{glob}', hive_partitioning=true, "
        f"hive_types={{'day': DATE}}) WHERE day BETWEEN '{since:%Y-%m-%d}' AND '{until:%Y-%m-%d}')"
    )


def rows(events: Events, query: str) -> list[tuple[Any, ...]]:
    """Every row of ``query``."""
    found: list[tuple[Any, ...]] = events.sql(query).fetchall()
    return found
