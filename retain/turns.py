"""Turns: the writers of one SQLite file go one after the other, and none is starved."""

import fcntl
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BETWEEN_SECONDS = 0.001
_MOMENT_MS = 250
_IN_A_ROW = 8
"""So many turns a process takes while its threads queue; then it lets the others try."""


class Turns:
    """The right to write next: in order among the threads of a process, then among processes.

    SQLite sleeps up to 100 ms between two tries for its lock, and who writes again at once goes
    before all who sleep: of 32 clients some wait for ten seconds and are refused. This only orders
    those who ask for it. What keeps writers apart is SQLite's lock, also where no turn is had.
    """

    def __init__(self, database: Path) -> None:
        self._guard = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._in_a_row = 0
        self._lock = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        weakref.finalize(self, os.close, self._lock)

    @contextmanager
    def wait(self, seconds: float) -> Iterator[bool]:
        """Wait for a turn, for so long at most; whether it was had."""
        until = time.monotonic() + seconds
        # released by whoever is before it in the queue
        mine = threading.Lock()
        mine.acquire()
        with self._guard:
            self._queue.append(mine)
            if self._queue[0] is mine:
                mine.release()
        had = False
        try:
            had = mine.acquire(timeout=seconds) and self._take(until)
            yield had
        finally:
            if had:
                fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._leave(mine)

    @contextmanager
    def within(self, milliseconds: int) -> Iterator[int | None]:
        """Wait for a turn; what is left of the time for SQLite's lock, None being all of it.

        Whoever waited for all of it has a moment more: the lock may be free by now.
        """
        began = time.monotonic()
        with self.wait(milliseconds / 1_000):
            waited = int(1_000 * (time.monotonic() - began))
            least = min(_MOMENT_MS, milliseconds)
            yield None if waited < least else max(milliseconds - waited, least)

    def _take(self, until: float) -> bool:
        if self._in_a_row >= _IN_A_ROW:
            self._in_a_row = 0
            time.sleep(2 * _BETWEEN_SECONDS)
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    return False
                self._in_a_row = 0
                time.sleep(_BETWEEN_SECONDS)
            else:
                return True

    def _leave(self, mine: threading.Lock) -> None:
        with self._guard:
            first = self._queue[0] is mine
            self._queue.remove(mine)
            if first and self._queue:
                self._in_a_row += 1
                self._queue[0].release()
