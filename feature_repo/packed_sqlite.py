"""Packed rows in SQLite: one table per entity, one line per customer, one column per view.

A read takes no lock a writer could hold (WAL), and a writer replaces a cell only by a row whose
event time is not older: the guard is in the upsert.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import local

from feature_repo.packed_backend import Key
from feature_repo.packed_codec import Encoded
from feature_repo.packed_layout import HEAD, Layout
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView
from retain import damage
from retain.errors import InvalidInput

_BUSY_TIMEOUT_MS = 10_000
_PAGE_BYTES = 16_384
_MOST_VARIABLES = 30_000


Line = tuple[bytes | None, ...]


class SqliteRows:
    """Packed rows of one entity of a project in the file ``path``.

    Every thread has its own connection. ``entity`` is the join keys, comma-separated.
    """

    def __init__(self, path: Path, project: str, entity: str = "customer_id") -> None:
        self._path = path
        self._table = table_of(project, entity)
        self._schemas = _quoted(f"packed schemas {project} {entity}")
        self._jobs = _quoted(f"packed jobs {project} {entity}")
        self._threads = local()

    def read(self, keys: Sequence[Key], asked: Layout) -> PackedRows:
        lines, names = self._lines(keys, asked.names)
        if len(names) == len(asked.names):
            nothing = (None,) * (len(names) + 1)
            return PackedRows.beside(asked, [lines.get(key, nothing)[1:] for key in keys])
        columns = _columns(keys, asked.names, lines, names)
        return PackedRows.beside(asked, list(zip(*columns, strict=True)))

    def read_rows(self, keys: Sequence[Key], views: Sequence[str]) -> list[list[bytes | None]]:
        return _columns(keys, views, *self._lines(keys, views))

    def _lines(
        self, keys: Sequence[Key], views: Sequence[str]
    ) -> tuple[dict[Key, Line], list[str]]:
        """The stored cells by key, and the views they are of: those there are columns for."""
        with self._connected() as connection:
            try:
                return self._selected(connection, keys, views)
            except sqlite3.OperationalError as error:
                if not str(error).startswith("no such"):
                    raise
                # another process dropped a view since we looked
                self._threads.known = set()
                return self._selected(connection, keys, views)

    def _selected(
        self, connection: sqlite3.Connection, keys: Sequence[Key], views: Sequence[str]
    ) -> tuple[dict[Key, Line], list[str]]:
        known = self._known(connection, views)
        names = [view for view in views if view in known]
        columns = ", ".join(["t.key", *(f"t.{column_of(view)}" for view in names)])
        lines: dict[Key, Line] = {}
        for start in range(0, len(keys) if names else 0, _MOST_VARIABLES):
            part = keys[start : start + _MOST_VARIABLES]
            marks = ",".join("?" * len(part))
            cursor = connection.execute(
                f"SELECT {columns} FROM {self._table} AS t WHERE t.key IN ({marks})", part
            )
            lines.update((line[0], line) for line in cursor)
        return lines, names

    def write(
        self,
        keys: Sequence[Key],
        rows: Mapping[PackedView, Encoded],
        *,
        job: tuple[str, int] | None = None,
    ) -> None:
        views = list(rows)
        for view in views:
            self.add_view(view)
        columns = [column_of(view.name) for view in views]
        known = [mark.to_bytes(8, "little").hex() for mark in self.schemas()]
        sets = ", ".join(_newer(view, known) for view in views)
        upsert = (
            f"INSERT INTO {self._table} AS t (key, {', '.join(columns)}) "
            f"VALUES ({', '.join('?' * (len(columns) + 1))}) "
            f"ON CONFLICT (key) DO UPDATE SET {sets}"
        )
        with self._writing() as connection:
            cells = [encoded.rows() for encoded in rows.values()]
            connection.executemany(upsert, zip(keys, *cells, strict=True))
            if job is not None:
                connection.execute(f"INSERT OR REPLACE INTO {self._jobs} VALUES (?, ?)", job)

    def schemas(self) -> dict[int, PackedSchema]:
        with self._connected() as connection:
            if not self._exists(connection):
                return {}
            lines = connection.execute(f"SELECT fields FROM {self._schemas}").fetchall()
        known = [_schema(text) for (text,) in lines]
        return {schema.fingerprint: schema for schema in known if schema}

    def add_view(self, view: PackedView) -> None:
        ready: set[tuple[str, int]] = self._threads.__dict__.setdefault("ready", set())
        if (view.name, view.schema.fingerprint) in ready:
            with self._connected() as connection:
                if view.name in self._known(connection, [view.name], fresh=True):
                    return
        with self._writing() as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table} (key NOT NULL PRIMARY KEY)"
            )
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._schemas} (fields TEXT PRIMARY KEY)"
            )
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._jobs} (job TEXT PRIMARY KEY, rows INTEGER)"
            )
            if view.name not in self._known(connection, [view.name], fresh=True):
                connection.execute(
                    f"ALTER TABLE {self._table} ADD COLUMN {column_of(view.name)} BLOB"
                )
            connection.execute(
                f"INSERT OR IGNORE INTO {self._schemas} VALUES (?)",
                (view.schema.text(),),
            )
        ready.add((view.name, view.schema.fingerprint))

    def drop_view(self, view: str) -> None:
        with self._writing() as connection:
            if view in self._known(connection, [view], fresh=True):
                connection.execute(f"ALTER TABLE {self._table} DROP COLUMN {column_of(view)}")

    def clear(self) -> None:
        with self._writing() as connection:
            for table in (self._table, self._schemas, self._jobs):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
        self._shrink()

    def progress(self, job: str) -> int:
        with self._connected() as connection:
            if not self._exists(connection):
                return 0
            line = connection.execute(
                f"SELECT rows FROM {self._jobs} WHERE job = ?", (job,)
            ).fetchone()
        return line[0] if line else 0

    def end(self, job: str) -> None:
        with self._writing() as connection:
            connection.execute(f"DELETE FROM {self._jobs} WHERE job = ?", (job,))
        self._shrink()

    def _shrink(self) -> None:
        """Give the journal's space back, unless a reader still needs it."""
        with self._connected() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _exists(self, connection: sqlite3.Connection) -> bool:
        return bool(connection.execute(f"PRAGMA table_info({self._jobs})").fetchall())

    def _known(
        self, connection: sqlite3.Connection, views: Sequence[str], *, fresh: bool = False
    ) -> set[str]:
        """Views there are columns for, among ``views``; asked again while one is missing."""
        known: set[str] = self._threads.__dict__.setdefault("known", set())
        if fresh or not known.issuperset(views):
            lines = connection.execute(f"PRAGMA table_info({self._table})").fetchall()
            columns = {_quoted(line[1]) for line in lines}
            known.difference_update(views)
            known.update(view for view in views if column_of(view) in columns)
        return known

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection()
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise damage.unavailable(
                "the online store",
                error,
                remedy="try again in a moment",
                repair=f"delete {self._path} and what stands beside it under this name, and write "
                "it anew: retain features materialize",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None)
            connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
            connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            _into_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            self._threads.connection = connection
        return connection


def _columns(
    keys: Sequence[Key], views: Sequence[str], lines: Mapping[Key, Line], names: Sequence[str]
) -> list[list[bytes | None]]:
    """Per view asked for, the cell of every key; None where there is no column or no line."""
    asked = [lines.get(key) for key in keys]
    read: dict[str, list[bytes | None]] = {
        name: [line[position] if line else None for line in asked]
        for position, name in enumerate(names, start=1)
    }
    return [read.get(view) or [None] * len(keys) for view in views]


def _into_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait when two connections make this switch on a new file at once
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _newer(view: PackedView, known: Sequence[str]) -> str:
    """Takes the row that is written where it wins over what is kept.

    It is not older; or what is kept is no row, or one of another definition: what was computed
    by other SQL never stays. ``known`` are the fingerprints rows may begin with.
    """
    column = column_of(view.name)
    old, new = f"t.{column}", f"excluded.{column}"
    wins = [f"typeof({old}) <> 'blob'", f"length({old}) < {HEAD}"]
    marks = ", ".join(f"x'{mark}'" for mark in known)
    wins.append(f"substr({old}, 1, 8) NOT IN ({marks})")
    if view.schema.definition:
        wins.append(f"substr({new}, 1, 8) <> substr({old}, 1, 8)")
    wins.append(f"substr({new}, 9, 8) >= substr({old}, 9, 8)")
    return f"{column} = CASE WHEN {' OR '.join(wins)} THEN {new} ELSE {old} END"


@lru_cache(maxsize=256)
def _schema(text: str) -> PackedSchema | None:
    try:
        return PackedSchema.of_text(text)
    except InvalidInput:
        # an older version's; its rows are of another fingerprint
        return None


def table_of(project: str, entity: str) -> str:
    """The table of an entity's rows, quoted."""
    return _quoted(f"packed {project} {entity}")


def column_of(view: str) -> str:
    """The column of a view, quoted."""
    return _quoted(f"view {view}")
