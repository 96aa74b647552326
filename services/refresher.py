"""The refresher: it brings online features up to the event log, a micro-batch at a time."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from threading import Event, Thread
from typing import Protocol

from retain.clock import Clock, now, to_micros
from retain.errors import RetainError, StoreUnavailable
from retain.pending import Backlog, Batch
from services.metrics import Metrics

MOST_AT_ONCE = 1_000
IDLE_SECONDS = 0.2
REFLECTED_WITHIN_SECONDS = 0.6
LONGEST_REST_SECONDS = 0.3
PAUSE_AFTER_ERROR_SECONDS = 1.0
PAUSE_AFTER_FAILED_SWEEP_SECONDS = 60.0
_BACKLOG_EVERY_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 10.0
log = logging.getLogger("retain.service")

Write = Callable[[Sequence[str], datetime, Mapping[str, int]], None]
Sweep = Callable[[], float]


class Waiting(Protocol):
    """The customers whose events are not reflected online."""

    def batch(self, limit: int) -> Batch:
        """Those that came first."""

    def backlog(self) -> Backlog:
        """How many there are, and since when."""

    def reflected(
        self,
        customers: Mapping[str, int],
        read_at: datetime | None = None,
        partly: Collection[str] = (),
    ) -> None:
        """Forget them, unless a newer event came since."""


class Turn(Protocol):
    """Whether this process is the one that refreshes."""

    def holds(self) -> bool:
        """Whether it is now."""

    def release(self) -> None:
        """Let another one."""


class Refresher:
    """Recomputes customers whose events are newer than their online features.

    Of several processes on one home only the one whose ``turn`` it is works: two that compute
    the same customer would do it twice. When that one ends, however it ends, another takes over.

    Between batches it rests, the longer the less there is to do, because every batch costs
    something whoever is in it; never so long that an event waits for more than about
    :data:`REFLECTED_WITHIN_SECONDS`. ``sweep`` is called now and then and says how many seconds
    later it wants to be called again.
    """

    def __init__(
        self,
        *,
        waiting: Waiting,
        write: Write,
        clock: Clock,
        metrics: Metrics,
        turn: Turn,
        sweep: Sweep | None = None,
    ) -> None:
        self._waiting = waiting
        self._write = write
        self._clock = clock
        self._metrics = metrics
        self._turn = turn
        self._sweep = sweep
        self._sweep_at = self._backlog_at = 0.0
        self._failed: set[str] = set()
        self._wake = Event()
        self._stopping = Event()
        self._thread = Thread(target=self.run, name="retain-refresher", daemon=True)

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

    def run(self) -> None:
        """Work until :meth:`stop`."""
        while not self._stopping.is_set():
            began = time.monotonic()
            if self._turn.holds() and self._worked():
                self._stopping.wait(rest_after(time.monotonic() - began))
            else:
                self._wake.wait(IDLE_SECONDS)
            self._wake.clear()
        self._turn.release()

    def refresh(self) -> int:
        """Refresh one batch of customers; returns how many there were.

        Raises:
            StoreUnavailable: a store did not answer; the customers stay pending.
        """
        began, read_at = time.monotonic(), now()
        batch = self._waiting.batch(MOST_AT_ONCE)
        if not batch.seqs:
            return 0
        first = {one: seq for one, seq in batch.first.items() if one not in self._failed}
        self._written(list(batch.seqs), first)
        self._waiting.reflected(batch.seqs, read_at, first)
        done = to_micros(now())
        lags = [(done - since) / 1e6 for since in batch.since if since]
        self._metrics.refreshed(len(batch.seqs), time.monotonic() - began, lags)
        return len(batch.seqs)

    def _written(self, customers: list[str], first: Mapping[str, int]) -> None:
        """Write a batch; where it fails, each customer alone, so that one cannot hold up all."""
        # the moment is taken after the batch was read: whatever was accepted by then is in it
        try:
            self._write(customers, self._clock(), first)
            self._failed.difference_update(customers)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a batch of %d customers failed; trying each alone", len(customers))
            for customer in customers:
                try:
                    self._write([customer], self._clock(), {})
                    self._failed.discard(customer)
                except StoreUnavailable:
                    raise
                except Exception:
                    # their rows lack more than what comes next
                    self._failed.add(customer)
                    log.exception("the online features of a customer could not be computed")

    def _worked(self) -> bool:
        """Whether there was something to refresh."""
        try:
            self._look_around()
        except RetainError as error:
            log.warning("the sweep waits: %s", error)
            self._sweep_at = time.monotonic() + PAUSE_AFTER_FAILED_SWEEP_SECONDS
        try:
            return self.refresh() > 0
        except RetainError as error:
            log.warning("online features wait: %s", error)
        except Exception:
            log.exception("online features wait")
        self._stopping.wait(PAUSE_AFTER_ERROR_SECONDS)
        return False

    def _look_around(self) -> None:
        moment = time.monotonic()
        if moment >= self._backlog_at:
            backlog = self._waiting.backlog()
            age = 0.0 if not backlog.since else (to_micros(now()) - backlog.since) / 1e6
            self._metrics.pending(backlog.customers, max(age, 0.0))
            self._backlog_at = moment + _BACKLOG_EVERY_SECONDS
        if self._sweep is not None and moment >= self._sweep_at:
            self._sweep_at = time.monotonic() + self._sweep()


def rest_after(took: float) -> float:
    """Seconds to rest after a batch that ``took`` so many.

    An event that comes while a batch runs waits for it, the rest, and a batch of its own.
    """
    return min(max(REFLECTED_WITHIN_SECONDS - 2 * took, 0.0), LONGEST_REST_SECONDS)
