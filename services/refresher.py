"""The refresher: a thread that brings online features up to the event log."""

import fcntl
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from retain.clock import Clock
from retain.errors import RetainError, StoreUnavailable
from services.metrics import Metrics

BATCH = 500
IDLE_SECONDS = 0.2
PAUSE_AFTER_ERROR_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 10.0
log = logging.getLogger("retain.service")

Write = Callable[[Sequence[str], datetime], None]


class PendingLog(Protocol):
    """The part of the event log that names customers to refresh."""

    def pending(self, limit: int = ...) -> dict[str, int]:
        """Customers not reflected online, with the last sequence number of each."""

    def reflected(self, customers: dict[str, int]) -> None:
        """Forget them, unless a newer event came since."""


class Refresher:
    """Recomputes customers whose events are newer than their online features.

    Of several workers on one home only the holder of ``lock`` works: two that compute the
    same customer at once could write the older result last. When the holder ends, however
    it ends, the system releases the lock and another worker takes over.
    """

    def __init__(
        self, *, log: PendingLog, write: Write, clock: Clock, metrics: Metrics, lock: Path
    ) -> None:
        self._log = log
        self._write = write
        self._clock = clock
        self._metrics = metrics
        self._lock = lock
        self._wake = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="retain-refresher", daemon=True)

    def start(self) -> None:
        """Begin to work in the background."""
        self._thread.start()

    def nudge(self) -> None:
        """There is something to do; do not wait for the next look."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the batch at hand and end; what is pending stays noted in the log."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_SECONDS)

    def refresh(self) -> int:
        """Refresh one batch of customers; returns how many there were.

        Raises:
            StoreUnavailable: a store did not answer; the customers stay pending.
        """
        customers = self._log.pending(BATCH)
        self._metrics.pending(len(customers))
        if customers:
            self._written(list(customers))
            self._log.reflected(customers)
        return len(customers)

    def _written(self, customers: list[str]) -> None:
        """Write a batch; where it fails, each customer alone, so that one cannot hold up all."""
        try:
            self._write(customers, self._clock())
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a batch of %d customers failed; trying each alone", len(customers))
            for customer in customers:
                try:
                    self._write([customer], self._clock())
                except StoreUnavailable:
                    raise
                except Exception:
                    log.exception("the online features of a customer could not be computed")

    def _run(self) -> None:
        with self._lock.open("w") as handle:
            while not self._stopping.is_set():
                if self._holds(handle.fileno()) and self._refreshed_some():
                    continue
                self._wake.wait(IDLE_SECONDS)
                self._wake.clear()

    def _holds(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _refreshed_some(self) -> bool:
        try:
            return self.refresh() > 0
        except RetainError as error:
            log.warning("online features wait: %s", error)
        except Exception:
            log.exception("online features wait")
        self._stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
        return False
