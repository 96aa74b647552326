"""The families of the service and their labels, none of which is ever a customer's id."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "retain_"
_LATENCY = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_STAGE = (
    *(0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005),
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
_PAUSE = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_AGE = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000)
_CUSTOMERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_PROBABILITY = (
    *(0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45),
    *(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0),
)
_MONEY = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000)


class Families:
    """One attribute per family, all in ``registry``.

    A gauge says how several processes are joined: ``live`` ones are of those that run,
    ``mostrecent`` ones of whichever spoke last, also where it has ended since.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._of_requests()
        self._of_scores()
        self._of_decisions()
        self._of_events()
        self._of_stores()
        self._of_processes()

    def _of_requests(self) -> None:
        self.requests = self._counter("requests", "Requests answered.", "route", "status")
        self.latency = self._histogram(
            "request_seconds",
            "Seconds from the request's first byte read to its answer.",
            _LATENCY,
            "route",
        )
        self.stages = self._histogram(
            "stage_seconds", "Seconds a request spent in a stage.", _STAGE, "route", "stage"
        )
        self.batches = self._histogram(
            "batch_customers", "Customers asked for in one request.", _CUSTOMERS, "route"
        )
        self.queue = self._gauge(
            "queue_depth", "Requests in hand or waiting, in all workers.", "livesum", "lane"
        )

    def _of_scores(self) -> None:
        self.predictions = self._counter("predictions", "Customers scored, by status.", "status")
        self.degraded = self._counter(
            "predictions_degraded", "Customers answered without a part, a store being away.", "part"
        )
        self.feature_age = self._histogram(
            "feature_age_seconds", "Age of the features behind a prediction.", _AGE
        )
        self.probabilities = self._histogram(
            "score_probability", "Probabilities answered, by head.", _PROBABILITY, "head"
        )
        self.values = self._histogram(
            "score_value", "Amounts of money answered, by head.", _MONEY, "head"
        )
        self.models = self._gauge(
            "model_info", "1 for each model that answers.", "livemax", "head", "version"
        )
        self.model_created = self._gauge(
            "model_created_timestamp_seconds", "When the model was trained.", "livemin", "head"
        )
        self.model_as_of = self._gauge(
            "model_as_of_timestamp_seconds",
            "Up to when the model has seen events.",
            "livemin",
            "head",
        )

    def _of_decisions(self) -> None:
        self.decisions = self._counter(
            "decisions", "Decisions by their first action.", "kind", "action", "arm"
        )
        self.removed = self._counter(
            "candidates_removed",
            "Actions not offered, by the rule that forbade them.",
            "kind",
            "rule",
        )
        self.previews_dropped = self._counter(
            "previews_dropped", "Previews whose receipt was never written: too many waited."
        )
        self.feedback = self._counter(
            "feedback", "Outcomes received, by kind and status.", "outcome", "status"
        )

    def _of_events(self) -> None:
        self.events = self._counter("events", "Events received, by what became of them.", "outcome")
        self.pending_age = self._gauge(
            "pending_age_seconds",
            "How long the customer that waits longest has waited.",
            "mostrecent",
        )
        self.pending = self._gauge(
            "customers_pending",
            "Customers whose events are not reflected online yet.",
            "mostrecent",
        )
        self.backlog_seen = self._gauge(
            "backlog_seen_timestamp_seconds",
            "When the refresher last looked at who waits.",
            "mostrecent",
        )
        self.refreshed = self._counter(
            "customers_refreshed", "Customers whose features were written."
        )
        self.refresh = self._histogram("refresh_seconds", "Seconds a micro-batch took.", _LATENCY)
        self.reflected = self._histogram(
            "reflected_after_seconds",
            "Seconds from an event's acceptance until the online features reflect it.",
            _LATENCY,
        )

    def _of_stores(self) -> None:
        self.store = self._histogram(
            "store_seconds", "Seconds a store took.", _STAGE, "store", "operation"
        )
        self.store_errors = self._counter(
            "store_errors", "Calls of a store that failed.", "store", "operation"
        )
        self.store_up = self._gauge(
            "store_up", "1 where a store answers, 0 where it does not.", "livemin", "store"
        )
        self.breaker = self._gauge(
            "breaker_state", "1 for the state a store's breaker is in.", "livemax", "store", "state"
        )

    def _of_processes(self) -> None:
        self.memory = self._gauge(
            "process_resident_memory_bytes", "Memory in use, by process.", "liveall", "process"
        )
        self.pauses = self._histogram(
            "gc_pause_seconds", "Collections of garbage.", _PAUSE, "process", "generation"
        )
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop ran what was due.", _PAUSE
        )

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, says, labels, registry=self._registry)

    def _gauge(self, name: str, says: str, mode: str, *labels: str) -> Gauge:
        return Gauge(
            PREFIX + name,
            says,
            labels,
            registry=self._registry,
            multiprocess_mode=mode,  # type: ignore[arg-type]  # one of its words
        )

    def _histogram(
        self, name: str, says: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(PREFIX + name, says, labels, buckets=buckets, registry=self._registry)
