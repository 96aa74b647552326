"""Where requests are observed: cheap to note, folded into families by the hundred."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import prometheus_client
from numpy.typing import NDArray

from services.metrics.buffer import Buffer
from services.metrics.families import Families
from services.metrics.folding import Histograms

STAGES = ("decode", "features", "predict", "decide", "encode")
AMOUNTS = frozenset({"ltv"})
"""Heads that answer money; the others answer probabilities."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Observations:
    """One buffer per kind of observation, and how each becomes Prometheus' values."""

    def __init__(self, families: Families) -> None:
        self.requests = Buffer[tuple[str, int, float]]()
        self.stages = Buffer[tuple[Any, ...]]()
        self.batches = Buffer[tuple[str, int]]()
        self.predictions = Buffer[tuple[str, float | None]]()
        self.scores = Buffer[tuple[str, float | None]]()
        self.columns = Buffer[tuple[str, NDArray[Any]]]()
        self.decisions = Buffer[tuple[str, str, str]]()
        self.removals = Buffer[tuple[str, str, int]]()
        self.stores = Buffer[tuple[str, str, float, bool]]()
        self.pauses = Buffer[tuple[int, float]]()
        self.lags = Buffer[float]()
        self._families = families
        self._latency = Histograms(families.latency)
        self._stages = Histograms(families.stages)
        self._batches = Histograms(families.batches)
        self._feature_age = Histograms(families.feature_age)
        self._probabilities = Histograms(families.probabilities)
        self._values = Histograms(families.values)
        self._store = Histograms(families.store)
        self._pauses = Histograms(families.pauses)
        self._loop_lag = Histograms(families.loop_lag)

    def fold(self, process: str) -> None:
        """Fold everything noted so far; one thread at a time."""
        self._fold_requests()
        self._fold_scores()
        self._fold_decisions()
        for (store, operation), seconds in _grouped(
            ((store, operation), seconds) for store, operation, seconds, _ in self._taken_stores()
        ):
            self._store.observe((store, operation), seconds)
        for generation, seconds in _grouped(self.pauses.take()):
            self._pauses.observe((process, str(generation)), seconds)
        self._loop_lag.observe((), self.lags.take())

    def _fold_requests(self) -> None:
        answered = self.requests.take()
        _count(self._families.requests, ((route, str(status)) for route, status, _ in answered))
        for route, seconds in _grouped((route, seconds) for route, _, seconds in answered):
            self._latency.observe((route,), seconds)
        for route, rows in _grouped((route, rest) for route, *rest in self.stages.take()):
            for stage, column in zip(STAGES, zip(*rows, strict=True), strict=True):
                self._stages.observe((route, stage), column)
        for route, customers in _grouped(self.batches.take()):
            self._batches.observe((route,), customers)

    def _fold_scores(self) -> None:
        scored = self.predictions.take()
        _count(self._families.predictions, ((status,) for status, _ in scored))
        # features from after the moment asked for are no older than it
        ages = [max(age, 0.0) for _, age in scored if age is not None]
        self._feature_age.observe((), ages)
        for head, values in _grouped(self.scores.take()):
            self._of_head(head).observe((head,), values)
        for head, column in self.columns.take():
            self._of_head(head).observe((head,), column)

    def _fold_decisions(self) -> None:
        _count(self._families.decisions, self.decisions.take())
        removals = self.removals.take()
        for labels, times in _grouped(((kind, rule), times) for kind, rule, times in removals):
            self._families.removed.labels(*labels).inc(sum(times))

    def _taken_stores(self) -> list[tuple[str, str, float, bool]]:
        asked = self.stores.take()
        _count(
            self._families.store_errors,
            ((store, operation) for store, operation, _, failed in asked if failed),
        )
        return asked

    def _of_head(self, head: str) -> Histograms:
        return self._values if head in AMOUNTS else self._probabilities


def _grouped(pairs: Iterable[tuple[Key, Value]]) -> Iterable[tuple[Key, list[Value]]]:
    """The values of each key, in the order they came."""
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        found = groups.get(key)
        if found is None:
            groups[key] = [value]
        else:
            found.append(value)
    return groups.items()


def _count(family: prometheus_client.Counter, labels: Iterable[tuple[str, ...]]) -> None:
    for values, times in Counter(labels).items():
        family.labels(*values).inc(times)
