"""Rows of an SQLite file as Arrow: no Python object per value, and the interpreter lock is free.

Read with SQLAlchemy, the 100,000 events of a thousand customers take three times as long and
hold up every other thread of the process.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from queue import Empty, SimpleQueue
from urllib.parse import quote

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, event

from retain.database import require_file
from retain.errors import StoreUnavailable
from retain.waits import PATIENT

# types are inferred from a batch of rows: one batch for what a request can ask
_OPTIONS = {"adbc.sqlite.query.batch_rows": "65536"}
_NULL = pa.scalar(None, pa.string())
_POOL = "retain_arrow_pool"


def is_file(engine: Engine) -> bool:
    """Whether ``engine`` is of an SQLite file, which an :class:`ArrowPool` can read."""
    return engine.dialect.name == "sqlite" and bool(engine.url.database)


def columns_of(schema: pa.Schema) -> str:
    """The columns of ``schema`` as a query selects them for :func:`typed`."""
    nullable = _nullable_texts(schema)
    return ", ".join(
        f"coalesce({name}, '') AS {name}" if name in nullable else name for name in schema.names
    )


def typed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """What a query of :func:`columns_of` found, as ``schema``: empty texts stand for null."""
    if not rows.num_rows:  # types come from the rows themselves: of none, nothing is known
        return schema.empty_table()
    nullable, columns = _nullable_texts(schema), []
    for field in schema:
        column = rows.column(field.name)
        if field.name in nullable:
            column = pc.if_else(pc.equal(column, ""), _NULL, column)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _nullable_texts(schema: pa.Schema) -> frozenset[str]:
    return frozenset(f.name for f in schema if f.nullable and f.type == pa.string())


def pool_of(engine: Engine) -> "ArrowPool":
    """The one pool of ``engine``, which lives as long as the engine does."""
    pool = vars(engine).get(_POOL) or ArrowPool(engine)
    kept: ArrowPool = vars(engine).setdefault(_POOL, pool)  # where two threads made one
    return kept


class ArrowPool:
    """Read-only connections to the file of ``engine``, one for each caller at a time.

    None is closed before the engine is. The driver brings an SQLite of its own, and a process
    that closes a file gives up its locks on it for everybody in the process: another process
    could then take ours for gone, and remove the journal that we go on writing to
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: SimpleQueue[adbc.Connection] = SimpleQueue()
        self._failed: list[adbc.Connection] = []
        event.listen(engine, "engine_disposed", lambda _: self.close())

    def table(self, query: str, parameters: Sequence[str | int]) -> pa.Table:
        """The rows of ``query``; no column of it may be null where its type is not integer.

        Raises:
            StoreUnavailable: the file did not answer, or is not the one that was opened.
        """
        require_file(self._engine)
        try:
            with self._connection() as connection, closing(connection.cursor()) as cursor:
                cursor.adbc_statement.set_options(**_OPTIONS)
                cursor.execute(query, tuple(parameters))
                return cursor.fetch_arrow_table()
        except adbc.Error as error:
            raise StoreUnavailable(
                f"the database did not answer: {error}",
                remedy="try again; if it persists, check the database",
            ) from error

    def close(self) -> None:
        """Close what is not in use; only when the engine is closed too."""
        while self._failed:
            self._failed.pop().close()
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _connection(self) -> Iterator[adbc.Connection]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            file = quote(str(self._engine.url.database))
            # without autocommit a connection would go on seeing the log of its first read
            connection = adbc.connect(f"file:{file}?mode=ro", autocommit=True)
            # a process that closes the log holds it for a moment: wait, as the others do
            with closing(connection.cursor()) as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {PATIENT.lock_ms}")
        try:
            yield connection
        except BaseException:
            self._failed.append(connection)
            raise
        self._idle.put(connection)
