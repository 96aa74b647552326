"""One look at what the log says of one customer, on SQLite: what the hot path asks first.

The counterpart for many, and on PostgreSQL, is :meth:`retain.eventlog.EventLog.freshness`.
"""

import sqlite3
import time
from threading import local
from typing import NamedTuple

from sqlalchemy import Engine

from retain.database import require_file
from retain.errors import StoreUnavailable

_LOOK = (
    "SELECT (SELECT since FROM pending_customers WHERE customer_id = ?1), "
    "(SELECT max(ts) FROM events WHERE customer_id = ?1 AND ts <= ?2), "
    "(SELECT component FROM identities WHERE kind = 'customer' AND id = ?1)"
)
_JOINED = (
    "SELECT EXISTS (SELECT 1 FROM identities WHERE component = ?1 AND kind = 'customer' "
    "AND id <> ?2), "
    "(SELECT max((SELECT max(ts) FROM events WHERE anonymous_id = i.id AND customer_id IS NULL "
    "AND ts <= ?3)) FROM identities AS i WHERE component = ?1 AND kind = 'anonymous')"
)
_LOOK_AT_FILE_EVERY_SECONDS = 0.1


class Glanced(NamedTuple):
    """What was seen; times in epoch microseconds.

    Attributes:
        since: since when the customer is pending; None where they are not.
        latest: their last event, or the last one of any visitor they were ever joined to.
    """

    since: int | None
    latest: int | None


class Glance:
    """Looks of one process at the file of ``engine``; every thread has its own connection.

    It waits for nobody: where the file is locked against readers, the look fails at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = local()
        self._looked_at_file = -_LOOK_AT_FILE_EVERY_SECONDS

    def at(self, customer_id: str, moment: int) -> Glanced | None:
        """What the log says up to ``moment`` (epoch microseconds); None where it takes more than
        a glance: the customer was joined to another one.

        Raises:
            StoreUnavailable: the file cannot be read at once.
        """
        clock = time.monotonic()
        if clock - self._looked_at_file >= _LOOK_AT_FILE_EVERY_SECONDS:
            require_file(self._engine)
            self._looked_at_file = clock
        try:
            execute = self._connection().execute
            since, latest, component = execute(_LOOK, (customer_id, moment)).fetchone()
            if component is None:
                return Glanced(since, latest)
            others, visit = execute(_JOINED, (component, customer_id, moment)).fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreUnavailable(
                f"the database did not answer: {error}",
                remedy="try again; if it persists, check the database",
            ) from error
        if others:
            return None
        return Glanced(since, visit if latest is None else max(latest, visit or latest))

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            path = self._engine.url.database or ""
            connection = sqlite3.connect(path, isolation_level=None, timeout=0.0)
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA mmap_size=1073741824")
            self._threads.connection = connection
        return connection
