"""What the service tells its metrics, at a fraction of a microsecond an observation.

What requests observe is appended to lists and folded into Prometheus' values twenty times a second,
at every rendering and at the end: seldom enough to cost little, and often enough that no request
waits for long behind it. The rest is rare and set at once.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Event, Lock, Thread
from typing import Any

from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from retain.decisions.receipt import Receipt
from retain.manifest import Manifest
from retain.quality.findings import Sample
from services.metrics.buffer import MOST
from services.metrics.exposition import Exposition
from services.metrics.families import Families
from services.metrics.folding import Histograms
from services.metrics.observations import Observations
from services.metrics.process import LoopLag, Pauses, resident_bytes
from services.metrics.quality_gauges import QualityGauges, series_in

UNKNOWN_PATH = "unknown"
NO_ARM = "none"
PREVIEW, RESERVED = "preview", "reserved"
"""Kinds of decisions, as receipts name them: shown, or made."""
EVENT_OUTCOMES = ("accepted", "duplicate", "rejected")
BREAKER_STATES = ("closed", "half_open", "open")
FOLD_EVERY_SECONDS = 0.05
_STOP_WITHIN_SECONDS = 5.0
_FAILURES = ("500", "503", "504")
log = logging.getLogger("retain.service")


class Metrics:
    """The service's own registry; ``process`` names what this process is for.

    Labels are names of routes, heads, actions, rules and stores: they come from code and
    configuration, never from a request.
    """

    def __init__(self, process: str = "worker") -> None:
        self._process = process
        self._registry = CollectorRegistry()
        self._families = Families(self._registry)
        self._exposition = Exposition(self._registry)
        self._quality = QualityGauges(self._registry, partial(series_in, self._exposition.folder))
        self._observed = observed = Observations(self._families)
        self._requests, self._answered = observed.requests, observed.requests.append
        self._staged = observed.stages.append
        self._asked = observed.batches.append
        self._predictions, self._predicted = observed.predictions, observed.predictions.append
        self._scored = observed.scores.append
        self._scored_many = observed.columns.append
        self._decided = observed.decisions.append
        self._removed = observed.removals.append
        self._stored = observed.stores.append
        self._reflected = Histograms(self._families.reflected)
        self._depths: dict[str, int] = {}
        self._queues: list[Callable[[], Mapping[str, int]]] = []
        self._breakers: list[Callable[[], Mapping[str, str]]] = []
        self._pauses = Pauses(observed.pauses.append)
        self._lag = LoopLag(observed.lags.append)
        self._folding = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="retain-metrics", daemon=True)

    @property
    def registry(self) -> CollectorRegistry:
        """Where what others count is registered, to be rendered with the rest."""
        return self._registry

    def start(self, routes: Iterable[str] = ()) -> None:
        """Fold in the background, and watch this process, which answers ``routes``."""
        # a stream that never began is told from one that fell silent by a zero, and so are the
        # first errors of a process: what begins at twenty has not risen
        for outcome in EVENT_OUTCOMES:
            self._families.events.labels(outcome).inc(0)
        for route in routes:
            for status in _FAILURES:
                self._families.requests.labels(route, status).inc(0)
        self._pauses.start()
        self._thread.start()

    def close(self) -> None:
        """Fold what is left; what is observed later is folded by who renders."""
        self._pauses.stop()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_SECONDS)
        self.fold()

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._answered((route, status, seconds))
        if len(self._requests) > MOST:
            self.fold()

    def stages(  # noqa: PLR0917 - one word per stage would cost more than the stages do
        self,
        route: str,
        decode: float | None,
        features: float | None,
        predict: float | None,
        decide: float | None,
        encode: float | None,
    ) -> None:
        """Seconds one request spent in each stage; None where it had none."""
        self._staged((route, decode, features, predict, decide, encode))

    def batch(self, route: str, customers: int) -> None:
        """So many customers were asked for in one request."""
        self._asked((route, customers))

    def prediction(self, status: str, feature_age_seconds: float | None) -> None:
        """One customer was scored."""
        self._predicted((status, feature_age_seconds))
        if len(self._predictions) > MOST:
            self.fold()

    def degraded(self, part: str, customers: int) -> None:
        """So many customers were answered without ``part``."""
        self._families.degraded.labels(part).inc(customers)

    def score(self, head: str, value: float | None) -> None:
        """One answer of a head: a probability, or an amount of money; NaN and None are none."""
        self._scored((head, value))

    def scores(self, head: str, values: NDArray[Any]) -> None:
        """A head's answers for n customers; ``values``, (n,), must not be written to afterwards."""
        self._scored_many((head, values))

    def decision(self, kind: str, action: str, arm: str = NO_ARM) -> None:
        """One decision of a kind; ``arm`` is ``experiment:arm`` where the customer is in one."""
        self._decided((kind, action, arm))

    def receipt(self, receipt: Receipt) -> None:
        """A decision was written: what its rules took out of it is counted."""
        removed = (one["removed_by"] for one in receipt["candidates"])
        self.removals(receipt["kind"], Counter(rule for rule in removed if rule is not None))

    def removals(self, kind: str, removed: Mapping[str, int]) -> None:
        """Rules took actions out of decisions of a kind, each so many."""
        for rule, times in removed.items():
            self._removed((kind, rule, times))

    def previews_dropped(self, many: int) -> None:
        """Receipts of previews will never be written."""
        self._families.previews_dropped.inc(many)

    def store(self, store: str, operation: str, seconds: float, failed: bool) -> None:
        """A store answered, or failed to."""
        self._stored((store, operation, seconds, failed))

    def store_up(self, store: str, answers: bool) -> None:
        """A store answers from now on, or does not."""
        self._families.store_up.labels(store).set(answers)

    def queue(self, lane: str, depth: int) -> None:
        """So many requests are in this worker's lane now, in hand or waiting."""
        self._depths[lane] = depth

    def watch_queues(self, depths: Callable[[], Mapping[str, int]]) -> None:
        """Ask ``depths`` how full each lane is instead of being told."""
        self._queues.append(depths)

    def breaker(self, store: str, state: str) -> None:
        """The breaker of a store is in this one of :data:`BREAKER_STATES` now."""
        for one in BREAKER_STATES:
            self._families.breaker.labels(store, one).set(one == state)

    def watch_breakers(self, states: Callable[[], Mapping[str, str]]) -> None:
        """Ask ``states`` for the state of each store's breaker instead of being told."""
        self._breakers.append(states)

    def event(self, outcome: str, times: int = 1) -> None:
        """So many events were accepted, duplicates or rejected."""
        self._families.events.labels(outcome).inc(times)

    def feedback(self, outcome: str, status: str) -> None:
        """One outcome of a decision came in."""
        self._families.feedback.labels(outcome, status).inc()

    def models(self, manifests: Mapping[str, Manifest]) -> None:
        """These heads' models answer from now on."""
        for head, one in manifests.items():
            self._families.models.labels(head, one.version).set(1)
            self._families.model_as_of.labels(head).set(one.training.as_of.timestamp())
            # a manifest written before there was such a field has the epoch's beginning
            if created := one.created_at.timestamp():
                self._families.model_created.labels(head).set(created)

    def pending(self, customers: int, longest_seconds: float) -> None:
        """So many customers wait for their features, one of them for so long."""
        self._families.pending.set(customers)
        self._families.pending_age.set(longest_seconds)
        self._families.backlog_seen.set(time.time())

    def refreshed(self, customers: int, seconds: float, lags: Iterable[float]) -> None:
        """A micro-batch is online; ``lags`` are seconds since each customer's first event."""
        self._families.refreshed.inc(customers)
        self._families.refresh.observe(seconds)
        self._reflected.observe((), [max(lag, 0.0) for lag in lags])

    def quality(self, samples: Sequence[Sample], at: float) -> None:
        """What a look at the data measured, at ``at`` seconds of the epoch."""
        self._quality.show(samples, at)

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure from now on how late ``loop``, which runs, is; said twice it changes nothing."""
        self._lag.watch(loop)

    def fold(self) -> None:
        """Make Prometheus' values of what was observed so far."""
        # whoever comes while another folds has nothing to wait for, unless it is to be shown
        with self._folding:
            self._observed.fold(self._process)
            for depths in (self._depths.copy, *self._queues):
                for lane, depth in depths().items():
                    self._families.queue.labels(lane).set(depth)
            for states in self._breakers:
                for store, state in states().items():
                    self.breaker(store, state)

    def render(self) -> bytes:
        """The exposition text, of all workers together."""
        self._families.memory.labels(self._process).set(resident_bytes())
        self.fold()
        return self._exposition.render()

    def _run(self) -> None:
        while not self._stopping.wait(FOLD_EVERY_SECONDS):
            try:
                self._families.memory.labels(self._process).set(resident_bytes())
                self.fold()
            except Exception:
                log.exception("metrics were not folded")
