"""The event log from one sequence number on, chunk by chunk, at the speed of its store."""

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from retain.arrow_pool import ArrowPool
from retain.eventlog import LOGGED_SCHEMA, EventLog

CHUNK = 50_000

_NULL = pa.scalar(None, pa.string())
_TEXTS = frozenset(f.name for f in LOGGED_SCHEMA if f.nullable and f.type == pa.string())
_QUERY = "SELECT {columns} FROM events WHERE seq > ? ORDER BY seq LIMIT ?".format(
    columns=", ".join(
        f"coalesce({name}, '') AS {name}" if name in _TEXTS else name
        for name in LOGGED_SCHEMA.names
    )
)


def scan(log: EventLog, seq: int, *, chunk: int = CHUNK) -> Iterator[pa.Table]:
    """As :meth:`EventLog.after`; of an SQLite file it takes a fifth of the time.

    Raises:
        StoreUnavailable: the log cannot be read.
    """
    engine = log.engine
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield from log.after(seq, chunk=chunk)
        return
    with closing(ArrowPool(engine)) as pool:
        while (rows := pool.table(_QUERY, [seq, chunk])).num_rows:
            table = _typed(rows)
            seq = table.column("seq")[-1].as_py()
            yield table


def _typed(rows: pa.Table) -> pa.Table:
    """Empty texts are what stands for null in the query."""
    columns = []
    for field in LOGGED_SCHEMA:
        column = rows.column(field.name)
        if field.name in _TEXTS:
            column = pc.if_else(pc.equal(column, ""), _NULL, column)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=LOGGED_SCHEMA)
