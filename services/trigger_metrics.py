"""What triggers measure; the labels are names of the configuration, never a customer's id."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import CollectorRegistry

_BUCKETS = (
    *(0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0),
    *(10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0),
)


class TriggerMetrics:
    """Firings by what became of them, deliveries, and the time from one to the other."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._firings = Counter(
            "retain_trigger_firings",
            "Situations that fired, by what became of them.",
            ["trigger", "outcome"],
            registry=registry,
        )
        self._attempts = Counter(
            "retain_webhook_attempts",
            "Calls of a webhook by the status answered, none where there was no answer.",
            ["endpoint", "status"],
            registry=registry,
        )
        self._deliveries = Counter(
            "retain_deliveries_ended",
            "Deliveries by how they ended.",
            ["endpoint", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "retain_delivery_seconds",
            "Seconds from when a situation was due until its decision had arrived, without what "
            "it was held for its time of sending.",
            ["trigger"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._waiting = Gauge(
            "retain_deliveries_waiting",
            "Deliveries that wait, and dead ones.",
            ["endpoint", "state"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._shown: set[tuple[str, str]] = set()

    def firing(self, trigger: str, outcome: str) -> None:
        """A firing was decided, or came to nothing."""
        self._firings.labels(trigger, outcome).inc()

    def attempt(self, endpoint: str, status: int | None) -> None:
        """A webhook was called."""
        self._attempts.labels(endpoint, "none" if status is None else str(status)).inc()

    def ended(self, endpoint: str, outcome: str, times: int = 1) -> None:
        """So many deliveries ended like this."""
        self._deliveries.labels(endpoint, outcome).inc(times)

    def delivered(self, trigger: str, seconds: float) -> None:
        """A decision has arrived so long after its situation was due."""
        self._seconds.labels(trigger).observe(max(seconds, 0.0))

    def waiting(self, counts: Mapping[tuple[str, str], int]) -> None:
        """How many wait, by endpoint and state."""
        for endpoint, state in self._shown - counts.keys():
            self._waiting.labels(endpoint, state).set(0)
        for (endpoint, state), count in counts.items():
            self._waiting.labels(endpoint, state).set(count)
        self._shown |= counts.keys()
