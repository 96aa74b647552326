"""Both stores as files of this machine, read over one connection, without waiting for anybody."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import local
from urllib.parse import quote

from sqlalchemy import Engine

from feature_repo.packed_home import ENTITY, PROJECT, file_of, is_redis
from feature_repo.packed_lines import ENDS
from feature_repo.packed_one import OnePlan
from feature_repo.packed_sqlite import column_of, table_of
from feature_repo.packed_view import stored_views
from retain.database import require_file
from retain.errors import StoreUnavailable
from retain.eventlog import EventLog
from retain.features.ageing import STORED_NUMBERS
from retain.features.lifetimes import lifetimes
from retain.settings import Settings

_LOOK_AT_FILE_EVERY_SECONDS = 0.1


class Files:
    """The log's file, and the online store's as ``online``; every thread has its own connection.

    Where a file is locked against readers, a read fails at once.
    """

    def __init__(self, engine: Engine, online: Path) -> None:
        self._engine = engine
        self._online = online
        self._looked_at_file = -_LOOK_AT_FILE_EVERY_SECONDS
        self._threads = local()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read over.

        Raises:
            StoreUnavailable: a file cannot be read at once, or is another than it was.
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
            connection.execute("ATTACH ? AS online", (_uri(self._online),))
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA mmap_size=1073741824")
            self._threads.connection = connection
        return connection


@dataclass(frozen=True, slots=True)
class FileRows:
    """The packed rows of a home whose stores are both files, and how they are read there.

    Attributes:
        plan: how a customer's rows are cut: the stored numbers, behind them the views' ends.
        columns: what to select of a row, one per view; ``table`` is where from.
        life: microseconds after which a row is too old to be used; None is never.
    """

    files: Files
    plan: OnePlan
    columns: str
    table: str
    life: int | None

    @classmethod
    def of(cls, settings: Settings, log: EventLog) -> "FileRows | None":
        """Those of a home; None where a store is elsewhere, or rows answer whatever they hold."""
        embedded = log.engine.dialect.name == "sqlite" and not is_redis(settings.online_url)
        if not embedded or not settings.recompute:
            return None
        views = stored_views(lifetimes(settings.feature_ttl_days))
        lives = [view.ttl_us for view in views if view.ttl_us is not None]
        return cls(
            Files(log.engine, file_of(settings.online_url)),
            OnePlan(views, (*STORED_NUMBERS, *ENDS)),
            ", ".join(f"t.{column_of(view.name)}" for view in views),
            f"online.{table_of(PROJECT, ENTITY)}",
            min(lives, default=None),
        )


def unavailable(error: sqlite3.DatabaseError) -> StoreUnavailable:
    """What a failed read is to a caller."""
    return StoreUnavailable(f"a store did not answer: {error}", remedy="try again in a moment")


def _uri(path: Path) -> str:
    """The file, which has to be there: a read makes none."""
    return f"file:{quote(str(path.absolute()))}?mode=rw"
