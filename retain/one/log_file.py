"""The file of the operational store as the hot path reads it, on SQLite: it waits for nobody."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine

from retain.database import require_file
from retain.errors import StoreUnavailable

_LOOK_AT_FILE_EVERY_SECONDS = 0.1


class LogFile:
    """Reads of one process from the file of ``engine``; every thread has its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = local()
        self._looked_at = -_LOOK_AT_FILE_EVERY_SECONDS

    def rows(self, query: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of a query, as they are at one moment.

        Raises:
            StoreUnavailable: the file cannot be read at once, or is not the one opened.
        """
        clock = time.monotonic()
        if clock - self._looked_at >= _LOOK_AT_FILE_EVERY_SECONDS:
            require_file(self._engine)
            self._looked_at = clock
        try:
            return self._connection().execute(query, given).fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreUnavailable(
                f"the database did not answer: {error}",
                remedy="try again; if it persists, check the database",
            ) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            # a read makes no file
            path = quote(str(Path(self._engine.url.database or "").absolute()))
            connection = sqlite3.connect(
                f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=0.0
            )
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA mmap_size=1073741824")
            self._threads.connection = connection
        return connection
