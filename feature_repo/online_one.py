"""The online store as one customer's request reads it: a glance at the log, a row, and no array.

It answers where a stored row holds and both stores are files of this machine. Everything else -
a row that is missing or no longer holds, another schema, a customer merged into another - is
:class:`feature_repo.online.OnlineReader`'s.
"""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

from feature_repo.online import FRESH_WITHIN
from feature_repo.packed_home import ENTITY, PROJECT, file_of, is_redis
from feature_repo.packed_lines import ENDS
from feature_repo.packed_one import OnePlan
from feature_repo.packed_sqlite import column_of, table_of
from feature_repo.packed_view import stored_views
from retain.clock import Clock, now, to_micros
from retain.database import require_file
from retain.errors import StoreUnavailable
from retain.eventlog import EventLog
from retain.features.ageing import STORED_NUMBERS
from retain.features.lifetimes import lifetimes
from retain.one.features import One, aged
from retain.one.glance import LOOK, Glanced, joined
from retain.settings import Settings

_MANY = len(STORED_NUMBERS)
_FRESH_WITHIN_US = int(1e6 * FRESH_WITHIN.total_seconds())
_LOOK_AT_FILE_EVERY_SECONDS = 0.1
_SEEN = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A customer's features, and the moment they are as of in epoch microseconds."""

    one: One
    features_as_of: int


class OneReader:
    """Reads one customer at a time, in microseconds; waits for nobody.

    Where a file is locked against readers, the read fails at once.
    """

    def __init__(self, settings: Settings, log: EventLog, *, clock: Clock = now) -> None:
        views = stored_views(lifetimes(settings.feature_ttl_days))
        self._plan = OnePlan(views, (*STORED_NUMBERS, *ENDS))
        lives = [view.ttl_us for view in views if view.ttl_us is not None]
        self._life = min(lives, default=None)
        self._engine = log.engine
        self._looked_at_file = -_LOOK_AT_FILE_EVERY_SECONDS
        self._clock = clock
        self._path = file_of(settings.online_url)
        columns = ", ".join(f"t.{column_of(view.name)}" for view in views)
        # what the log says is read before the row: what is reflected by then is in the row
        self._query = (
            f"SELECT {LOOK}, {columns} FROM online.{table_of(PROJECT, ENTITY)} AS t WHERE key = ?1"
        )
        self._threads = local()

    @classmethod
    def of(cls, settings: Settings, log: EventLog, *, clock: Clock = now) -> "OneReader | None":
        """A reader, where both stores are files and rows that do not hold are computed."""
        embedded = log.engine.dialect.name == "sqlite" and not is_redis(settings.online_url)
        return cls(settings, log, clock=clock) if embedded and settings.recompute else None

    def read(self, customer_id: str, moment: int) -> Found | None:
        """The customer at ``moment`` (epoch microseconds); None where that is not to be had so.

        Raises:
            StoreUnavailable: a store did not answer at once.
        """
        self._require_file()
        try:
            execute = self._connection().execute
            line = execute(self._query, (customer_id, moment)).fetchone()
            if line is None:
                return None
            since, latest, component = line[:_SEEN]
            seen: Glanced | None = Glanced(since, latest)
            if component is not None:
                seen = joined(execute, component, customer_id, moment, (since, latest))
        except sqlite3.DatabaseError as error:
            if str(error).startswith("no such"):
                return None
            raise StoreUnavailable(
                f"a store did not answer: {error}", remedy="try again in a moment"
            ) from error
        return None if seen is None else self._held(line[_SEEN:], seen, moment)

    def _held(self, cells: tuple[Any, ...], seen: Glanced, moment: int) -> Found | None:
        """The customer of these rows, where they hold."""
        packed = self._plan.read(cells)
        if packed is None or packed.newest > moment:
            return None
        computed = packed.oldest
        if self._life is not None and computed < moment - self._life:
            return None
        since, latest = seen
        if since is None:
            if latest is not None and latest > computed:
                return None
        elif since <= to_micros(self._clock()) - _FRESH_WITHIN_US:
            return None
        for end in packed.numbers[_MANY:].tolist():
            if end <= moment:
                return None
        one = One(aged(packed.numbers[:_MANY], moment), packed)
        return Found(one, moment if since is None else computed)

    def _require_file(self) -> None:
        clock = time.monotonic()
        if clock - self._looked_at_file >= _LOOK_AT_FILE_EVERY_SECONDS:
            require_file(self._engine)
            self._looked_at_file = clock

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            log = Path(self._engine.url.database or "")
            connection = sqlite3.connect(_uri(log), uri=True, isolation_level=None, timeout=0.0)
            connection.execute("ATTACH ? AS online", (_uri(self._path),))
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA mmap_size=1073741824")
            self._threads.connection = connection
        return connection


def _uri(path: Path) -> str:
    """The file, which has to be there: a read makes none."""
    return f"file:{quote(str(path.absolute()))}?mode=rw"
