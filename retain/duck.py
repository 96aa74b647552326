"""DuckDB as everything here uses it: times in UTC, and nothing printed into a command's answer."""

import duckdb


def connected(database: str = ":memory:", **config: str | int) -> duckdb.DuckDBPyConnection:
    """A connection whose time zone is UTC and which draws no progress bar."""
    connection = duckdb.connect(database, config={**config})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection
