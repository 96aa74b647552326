"""Storing events with group commit: requests that come while a commit runs share the next one."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from retain.errors import StoreUnavailable
from retain.eventlog import Appended, Row
from services.gate.lane import overloaded

MOST_WAITING = 20_000
"""Events that may wait to be stored; a request that would add to more is refused."""
MOST_AT_ONCE = 2_000
_STOP_WITHIN_SECONDS = 30.0
log = logging.getLogger("retain.service")

Append = Callable[[list[Row]], Appended]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the rows of one request.

    ``known`` are those ids that were in the log before; ``touched`` the customers, surviving
    ones, whose online features do not reflect the others yet.
    """

    known: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()


@dataclass(eq=False, slots=True)
class _Request:
    """Rows of one request; ``twice`` are ids that came earlier in the same group."""

    rows: Sequence[Row]
    stored: Future[Stored] = field(default_factory=Future)
    twice: set[str] = field(default_factory=set)


class EventWriter:
    """One thread that stores what waits, as much of it in one transaction as there is.

    ``append`` stores rows durably and says which ids it had before; ``stored`` is told after
    every commit.
    """

    def __init__(self, append: Append, stored: Callable[[], None]) -> None:
        self._append = append
        self._tell = stored
        self._waiting: deque[_Request] = deque()
        self._rows = 0
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="retain-events", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Row]) -> Future[Stored]:
        """Have ``rows``, of distinct ids, stored.

        The future fails with StoreUnavailable where nothing of them was stored.

        Raises:
            Overloaded: too many events wait already; nothing of these is stored.
        """
        request = _Request(rows)
        request.stored.set_running_or_notify_cancel()  # a caller who leaves takes nothing back
        with self._changed:
            if self._closing or self._rows + len(rows) > MOST_WAITING:
                raise overloaded(f"{self._rows:,} events wait to be stored", retry_after_ms=1_000)
            self._waiting.append(request)
            self._rows += len(rows)
            self._changed.notify()
        return request.stored

    def close(self) -> None:
        """Store what waits and end; nothing is taken any more."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_STOP_WITHIN_SECONDS)

    def _run(self) -> None:
        while group := self._next():
            self._store(group)

    def _next(self) -> list[_Request]:
        """The requests of the next transaction; none once everything is stored and closed."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            group: list[_Request] = []
            count = 0
            while self._waiting and (not group or count < MOST_AT_ONCE):
                group.append(self._waiting.popleft())
                count += len(group[-1].rows)
            self._rows -= count
            return group

    def _store(self, group: list[_Request]) -> None:
        try:
            done = self._append(_first_of_each_id(group))
        except Exception as error:  # noqa: BLE001 - handed to who waits for it
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                log.warning("a group of %d requests failed; storing each alone", len(group))
                for one in group:
                    one.twice.clear()
                    self._store([one])
                return
            for one in group:
                one.stored.set_exception(error)
            return
        self._tell()
        for one in group:
            known: set[str] = set()
            if done.duplicates or one.twice:
                known = {str(row[0]) for row in one.rows} & (done.duplicates | one.twice)
            touched = done.touched.by(one.rows)
            one.stored.set_result(Stored(frozenset(known), frozenset(touched)))


def _first_of_each_id(group: Sequence[_Request]) -> list[Row]:
    """The rows to store; the others are noted with their requests as coming twice."""
    rows: dict[str, Row] = {}
    for one in group:
        for row in one.rows:
            if rows.setdefault(row[0], row) is not row:
                one.twice.add(row[0])
    return list(rows.values())
