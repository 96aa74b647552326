"""What a look at the data measured, as gauges made when they are first seen."""

from collections.abc import Iterable
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from retain.quality.findings import Sample
from services.metrics.pieces import in_pieces

EXAMINED_AT = "retain_quality_examined_timestamp_seconds"


class QualityGauges:
    """One gauge per name a look knows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._gauges: dict[str, Gauge] = {}
        self._shown: dict[str, set[tuple[str, ...]]] = {}

    def show(self, samples: Iterable[Sample], at: float) -> None:
        """Show what was measured at ``at`` seconds of the epoch.

        A series the look no longer has becomes NaN, which Prometheus treats as gone.
        """
        shown: dict[str, set[tuple[str, ...]]] = {}
        for name, labels, value in in_pieces((*samples, Sample(EXAMINED_AT, {}, at))):
            values = tuple(labels[label] for label in sorted(labels))
            self._series(name, sorted(labels), values).set(value)
            shown.setdefault(name, set()).add(values)
        for name, before in self._shown.items():
            for values in before - shown.get(name, set()):
                self._series(name, (), values).set(nan)
        self._shown = shown

    def _series(self, name: str, labels: Iterable[str], values: tuple[str, ...]) -> Gauge:
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(
                name,
                "Data quality; see docs/guides/data-quality.md.",
                labels,
                registry=self._registry,
                multiprocess_mode="mostrecent",
            )
        return gauge.labels(*values) if values else gauge
