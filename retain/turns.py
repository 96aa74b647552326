"""Turns: the writers of one SQLite file go one after the other, and none is starved."""

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BETWEEN_SECONDS = 0.001


class Turns:
    """The right to write next, among the threads of this process and then among processes.

    SQLite sleeps up to 100 ms between two tries for its lock, and who writes again at once goes
    before all who sleep: of 32 clients some wait for ten seconds and are refused. This only orders
    those who ask for it. What keeps writers apart is SQLite's lock, also where no turn is had.
    """

    def __init__(self, database: Path) -> None:
        self._threads = threading.Lock()
        self._lock = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        weakref.finalize(self, os.close, self._lock)

    @contextmanager
    def wait(self, seconds: float) -> Iterator[bool]:
        """Wait for a turn, for so long at most; whether it was had."""
        until = time.monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            yield False
            return
        try:
            had = self._take(until)
            try:
                yield had
            finally:
                if had:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _take(self, until: float) -> bool:
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    return False
                time.sleep(_BETWEEN_SECONDS)
            else:
                return True
