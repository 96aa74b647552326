"""A history in buckets of customers, so that memory does not grow with the customer base.

A bucket is every event of the customers between two ids. The parts of a history are sorted by
customer, so that a scan for one bucket decodes little but its own events: reading them bucket
by bucket costs what one pass that writes bucket files would, and leaves nothing on the disk.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import duckdb
import pyarrow as pa

from retain.features.engine import EVENT_COLUMNS

BUCKET = 1_000_000


class Buckets:
    """Events up to a moment, a bucket of customers at a time, in the order of the customers.

    Args:
        history: Parquet glob of the event log's history, its parts sorted by customer.
        until: the last moment that is asked for; what came later is not read.
        size: events in a bucket, about; a customer is never cut in two.
    """

    def __init__(self, history: str, until: datetime, *, size: int = BUCKET) -> None:
        self._history = f"read_parquet('{history}', hive_partitioning=false)"
        self._known = "ts <= $until AND customer_id IS NOT NULL"
        self._until = until
        self._bounds = self._cut(size)

    def __len__(self) -> int:
        return len(self._bounds) + 1

    def __iter__(self) -> Iterator[pa.Table]:
        """Events of each bucket, with the columns of :data:`EVENT_COLUMNS`."""
        for low, high in pairwise([None, *self._bounds, None]):
            yield self._between(low, high)

    def _cut(self, size: int) -> list[str]:
        """The first customer of every bucket but the first."""
        with _connected() as connection:
            (total,) = connection.sql(f"SELECT count(*) FROM {self._history}").fetchall()[0]
            if total <= size:
                return []
            firsts = connection.sql(
                f"WITH counted AS (SELECT customer_id, count(*) AS events FROM {self._history} "
                f"WHERE {self._known} GROUP BY customer_id), "
                "placed AS (SELECT customer_id, "
                "sum(events) OVER (ORDER BY customer_id) - events AS before FROM counted) "
                "SELECT min(customer_id) FROM placed GROUP BY before // $size ORDER BY 1",
                params={"until": self._until, "size": size},
            ).fetchall()
        return [first for (first,) in firsts[1:]]

    def _between(self, low: str | None, high: str | None) -> pa.Table:
        bounds = {"low": low, "high": high}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        within = {"low": " AND customer_id >= $low", "high": " AND customer_id < $high"}
        with _connected() as connection:
            return (
                connection.sql(
                    f"SELECT {', '.join(EVENT_COLUMNS.names)} FROM {self._history} "
                    f"WHERE {self._known}{''.join(within[name] for name in given)}",
                    params={"until": self._until, **given},
                )
                .to_arrow_table()
                .cast(EVENT_COLUMNS)
            )


def _connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"memory_limit": "1GB"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET preserve_insertion_order = false")
    return connection
