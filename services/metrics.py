"""Prometheus metrics: what is counted, and never a customer's id in a label."""

from collections.abc import Iterable, Iterator, Mapping
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

from retain.quality.findings import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN_PATH = "unknown"
PREFIX = "retain_"
EXAMINED_AT = "retain_quality_examined_timestamp_seconds"
_LATENCY_BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_AGE_BUCKETS = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000)


class Metrics:
    """The service's own registry; ``render`` joins all workers where there are several."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self._requests = Counter(
            "retain_requests", "Requests answered.", ["route", "status"], registry=own
        )
        self._latency = Histogram(
            "retain_request_seconds",
            "Seconds from the request's first byte read to its answer.",
            ["route"],
            buckets=_LATENCY_BUCKETS,
            registry=own,
        )
        self._predictions = Counter(
            "retain_predictions", "Customers scored, by status.", ["status"], registry=own
        )
        self._events = Counter(
            "retain_events", "Events received, by what became of them.", ["outcome"], registry=own
        )
        self._feedback = Counter(
            "retain_feedback",
            "Outcomes received, by kind and status.",
            ["outcome", "status"],
            registry=own,
        )
        self._decisions = Counter(
            "retain_decisions", "Decisions by their first action.", ["action"], registry=own
        )
        self._feature_age = Histogram(
            "retain_feature_age_seconds",
            "Age of the features behind a prediction.",
            buckets=_AGE_BUCKETS,
            registry=own,
        )
        self._models = Gauge(
            "retain_model_info",
            "1 for each model that answers.",
            ["head", "version"],
            registry=own,
            multiprocess_mode="max",
        )
        self._quality: dict[str, Gauge] = {}
        self._shown: dict[str, set[tuple[str, ...]]] = {}
        self._pending_age = Gauge(
            "retain_pending_age_seconds",
            "How long the customer that waits longest has waited.",
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._refreshed = Counter(
            "retain_customers_refreshed", "Customers whose features were written.", registry=own
        )
        self._refresh = Histogram(
            "retain_refresh_seconds",
            "Seconds a micro-batch took.",
            buckets=_LATENCY_BUCKETS,
            registry=own,
        )
        self._lag = Histogram(
            "retain_reflected_after_seconds",
            "Seconds from an event's acceptance until the online features reflect it.",
            buckets=_LATENCY_BUCKETS,
            registry=own,
        )
        self._pending = Gauge(
            "retain_customers_pending",
            "Customers whose events are not reflected online yet.",
            registry=own,
            multiprocess_mode="mostrecent",
        )

    @property
    def registry(self) -> CollectorRegistry:
        """Where what others count is registered, to be rendered with the rest."""
        return self._registry

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def prediction(self, status: str, feature_age_seconds: float | None) -> None:
        """One customer was scored."""
        self._predictions.labels(status).inc()
        if feature_age_seconds is not None:
            self._feature_age.observe(max(feature_age_seconds, 0.0))

    def event(self, outcome: str, times: int = 1) -> None:
        """So many events were accepted, duplicates or rejected."""
        self._events.labels(outcome).inc(times)

    def feedback(self, outcome: str, status: str) -> None:
        """One outcome of a decision came in."""
        self._feedback.labels(outcome, status).inc()

    def decision(self, action: str) -> None:
        """One decision was made."""
        self._decisions.labels(action).inc()

    def models(self, versions: Mapping[str, str]) -> None:
        """These heads and versions answer from now on."""
        for head, version in versions.items():
            self._models.labels(head, version).set(1)

    def pending(self, customers: int, longest_seconds: float) -> None:
        """So many customers wait for their features, one of them for so long."""
        self._pending.set(customers)
        self._pending_age.set(longest_seconds)

    def refreshed(self, customers: int, seconds: float, lags: Iterable[float]) -> None:
        """A micro-batch is online; ``lags`` are seconds since each customer's first event."""
        self._refreshed.inc(customers)
        self._refresh.observe(seconds)
        for lag in lags:
            self._lag.observe(max(lag, 0.0))

    def quality(self, samples: Iterable[Sample], at: float) -> None:
        """What a look at the data measured, at ``at`` seconds of the epoch.

        A series the look no longer has becomes NaN, which Prometheus treats as gone.
        """
        shown: dict[str, set[tuple[str, ...]]] = {}
        for name, labels, value in (*samples, Sample(EXAMINED_AT, {}, at)):
            gauge = self._quality.get(name)
            if gauge is None:
                gauge = self._quality[name] = Gauge(
                    name,
                    "Data quality; see docs/guides/data-quality.md.",
                    sorted(labels),
                    registry=self._registry,
                    multiprocess_mode="mostrecent",
                )
            values = tuple(labels[label] for label in sorted(labels))
            (gauge.labels(*values) if values else gauge).set(value)
            shown.setdefault(name, set()).add(values)
        for name, before in self._shown.items():
            for values in before - shown.get(name, set()):
                (self._quality[name].labels(*values) if values else self._quality[name]).set(nan)
        self._shown = shown

    def render(self) -> bytes:
        """The exposition text, of all workers together."""
        # BentoML names a folder for its workers, and prometheus-client then keeps values there
        if ValueClass is not MutexValue:
            joined = CollectorRegistry()
            joined.register(_Ours())
            return generate_latest(joined)
        return generate_latest(self._registry)


class _Ours(Collector):
    """Values of all workers; libraries keep theirs in the same folder, and those are left out."""

    def collect(self) -> Iterator[Metric]:
        """Our own families."""
        everything = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        for family in everything.collect():  # type: ignore[no-untyped-call]
            if family.name.startswith(PREFIX):
                yield family
