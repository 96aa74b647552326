"""A history in buckets of customers, so that memory does not grow with the customer base.

A bucket is every event of the customers between two ids. The parts of a history are sorted by
customer, so that a scan for one bucket decodes little but its own events: reading them bucket
by bucket costs what one pass that writes bucket files would, and leaves nothing on the disk.
Only the events of ids that were joined to another customer are put aside, once, sorted by that
customer: all that ever was one customer is in one bucket.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa

from retain.clock import to_micros
from retain.duck import connected
from retain.features.engine import EVENT_COLUMNS
from retain.identity import MEMBERSHIPS_SCHEMA, component_of, memberships
from retain.identity_links import LINKS_SCHEMA, LINKS_SQL

# a gigabyte and a half at the peak; half of it would read every part of the history twice as often
BUCKET = 2_000_000

_EVENTS = ", ".join(EVENT_COLUMNS.names)
_MEMBERS = ", ".join(MEMBERSHIPS_SCHEMA.names)


class Bucket(NamedTuple):
    """What a feature engine needs of some customers, and nothing of anybody else."""

    events: pa.Table
    members: pa.Table


class Buckets:
    """Events up to a moment, a bucket of customers at a time, in the order of the customers.

    Args:
        history: Parquet glob of the event log's history, its parts sorted by customer.
        until: the last moment that is asked for; what came later is not read.
        spill: folder for events put aside, and for what does not fit into memory.
        size: events in a bucket, about; a customer is never cut in two.

    Use as a context manager.
    """

    def __init__(self, history: str, until: datetime, *, spill: Path, size: int = BUCKET) -> None:
        self._connection = connected(memory_limit="1GB", temp_directory=str(spill / "buckets"))
        self._connection.execute("SET preserve_insertion_order = false")
        self._connection.execute(
            f"CREATE TEMP VIEW history AS SELECT {_EVENTS} "
            f"FROM read_parquet('{history}', hive_partitioning = false) "
            f"WHERE ts <= make_timestamptz({to_micros(until)})"
        )
        self._join_members()
        self._place_events(spill / "aside.parquet")
        self._bounds = self._cut(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def __len__(self) -> int:
        return len(self._bounds) + 1

    def __iter__(self) -> Iterator[Bucket]:
        """Each bucket; its events have the columns of :data:`EVENT_COLUMNS`."""
        for low, high in pairwise([None, *self._bounds, None]):
            given = {k: v for k, v in (("low", low), ("high", high)) if v is not None}
            within = [f"owner {_BOUNDS[name]} ${name}" for name in given]
            where = " AND ".join(["true", *within])
            yield Bucket(
                self._read(f"SELECT {_EVENTS} FROM placed WHERE {where}", given, EVENT_COLUMNS),
                self._read(
                    f"SELECT {_MEMBERS} FROM members WHERE {where}", given, MEMBERSHIPS_SCHEMA
                ),
            )

    def _join_members(self) -> None:
        """Tables ``members`` and ``moved``: ids that are not in the bucket of their own id."""
        links = self._read(LINKS_SQL.format(events="history"), {}, LINKS_SCHEMA)
        for name, rows in (("told", memberships(links)), ("joined", component_of(links))):
            self._connection.register(name, rows)
        self._connection.execute(
            "CREATE TEMP TABLE members AS SELECT told.*, component AS owner "
            "FROM told JOIN joined USING (member_kind, member_id)"
        )
        self._connection.execute(
            "CREATE TEMP TABLE moved AS FROM joined "
            "WHERE member_kind = 'anonymous' OR member_id <> component"
        )
        for name in ("told", "joined"):
            self._connection.unregister(name)

    def _place_events(self, aside: Path) -> None:
        """The view ``placed``: every customer's events under the ``owner`` of their bucket."""
        known = f"SELECT customer_id AS owner, {_EVENTS} FROM history WHERE customer_id IS NOT NULL"
        moved = self._connection.sql("SELECT DISTINCT member_kind FROM moved").fetchall()
        if moved:
            self._connection.execute(
                f"COPY (SELECT component AS owner, {_EVENTS} FROM history JOIN moved ON "
                "member_id = coalesce(customer_id, anonymous_id) AND member_kind = "
                "CASE WHEN customer_id IS NULL THEN 'anonymous' ELSE 'customer' END "
                f"ORDER BY owner) TO '{aside}' (FORMAT parquet, ROW_GROUP_SIZE 20480)"
            )
        if ("customer",) in moved:
            known += (
                " AND NOT EXISTS (FROM moved "
                "WHERE member_kind = 'customer' AND member_id = history.customer_id)"
            )
        others = f" UNION ALL SELECT owner, {_EVENTS} FROM '{aside}'" if moved else ""
        self._connection.execute(f"CREATE TEMP VIEW placed AS {known}{others}")

    def _cut(self, size: int) -> list[str]:
        """The owner that every bucket but the first begins with."""
        (total,) = self._connection.sql("SELECT count(*) FROM history").fetchall()[0]
        if total <= size:
            return []
        firsts = self._connection.sql(
            "WITH counted AS (SELECT owner, count(*) AS events FROM placed GROUP BY owner), "
            "summed AS (SELECT owner, sum(events) OVER (ORDER BY owner) - events AS before "
            "FROM counted) SELECT min(owner) FROM summed GROUP BY before // $size ORDER BY 1",
            params={"size": size},
        ).fetchall()
        return [first for (first,) in firsts[1:]]

    def _read(self, query: str, given: dict[str, str], schema: pa.Schema) -> pa.Table:
        return self._connection.sql(query, params=given).to_arrow_table().cast(schema)


_BOUNDS = {"low": ">=", "high": "<"}
