"""The file of the operational store as the hot path reads it, on SQLite: it waits for nobody."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine

from retain.database import require_file
from retain.errors import StoreUnavailable

_LOOK_AT_FILE_EVERY_SECONDS = 0.1


class LogFile:
    """Reads of one process from the file of ``engine``; every thread has its own connection.

    Where a file is locked against readers, a read fails at once.

    Args:
        engine: of the operational store.
        attached: other files that are read beside it, by the name of their schema.
    """

    def __init__(self, engine: Engine, attached: Mapping[str, Path] | None = None) -> None:
        self._engine = engine
        self._attached = dict(attached or {})
        self._looked_at_file = -_LOOK_AT_FILE_EVERY_SECONDS
        self._threads = local()

    def rows(self, query: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of a query, as they are at one moment.

        Raises:
            StoreUnavailable: a file cannot be read at once, or is not the one opened.
        """
        try:
            return self.connection().execute(query, given).fetchall()
        except sqlite3.DatabaseError as error:
            raise unavailable(error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read over.

        Raises:
            StoreUnavailable: a file cannot be read at once, or is not the one opened.
        """
        try:
            yield self.connection()
        except sqlite3.DatabaseError as error:
            raise unavailable(error) from error

    def connection(self) -> sqlite3.Connection:
        """This thread's; as :meth:`reading`, for who translates errors (:func:`unavailable`)."""
        clock = time.monotonic()
        if clock - self._looked_at_file >= _LOOK_AT_FILE_EVERY_SECONDS:
            require_file(self._engine)
            self._looked_at_file = clock
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            log = Path(self._engine.url.database or "")
            connection = sqlite3.connect(_uri(log), uri=True, isolation_level=None, timeout=0.0)
            for name, path in self._attached.items():
                connection.execute(f"ATTACH ? AS {name}", (_uri(path),))
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA mmap_size=1073741824")
            self._threads.connection = connection
        return connection


def unavailable(error: sqlite3.DatabaseError) -> StoreUnavailable:
    """What a failed read is to a caller."""
    return StoreUnavailable(
        f"the database did not answer: {error}",
        remedy="try again; if it persists, check the database",
    )


def _uri(path: Path) -> str:
    """The file, which has to be there: a read makes none."""
    return f"file:{quote(str(path.absolute()))}?mode=rw"
