"""What a look at the data measured, as gauges made when they are first seen."""

import json
from collections.abc import Callable, Iterable, Iterator
from math import isnan, nan
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from retain.quality.findings import Sample
from services.metrics.mapped import MappedFile
from services.metrics.pieces import in_pieces

EXAMINED_AT = "retain_quality_examined_timestamp_seconds"
_SAYS = "Data quality; see docs/guides/data-quality.md."
_MODE: Final = "mostrecent"
Series = tuple[str, tuple[tuple[str, str], ...]]
"""A name, and labels in their order."""


class QualityGauges:
    """One gauge per name a look knows.

    ``others`` are the series that other processes show, of whom one had the right to look before
    this one: what they last saw stays, and would for ever where this one sees no such series.
    """

    def __init__(
        self, registry: CollectorRegistry, others: Callable[[], Iterable[Series]] = tuple
    ) -> None:
        self._registry = registry
        self._others = others
        self._gauges: dict[str, Gauge] = {}
        self._shown: set[Series] = set()

    def show(self, samples: Iterable[Sample], at: float) -> None:
        """Show what was measured at ``at`` seconds of the epoch.

        A series the look no longer has becomes NaN, which Prometheus treats as gone.
        """
        shown: set[Series] = set()
        for name, labels, value in in_pieces((*samples, Sample(EXAMINED_AT, {}, at))):
            series = name, tuple(sorted(labels.items()))
            self._gauge(series).set(value)
            shown.add(series)
        for series in in_pieces(self._shown.union(in_pieces(self._others())) - shown):
            self._gauge(series).set(nan)
        self._shown = shown

    def _gauge(self, series: Series) -> Gauge:
        name, labels = series
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(
                name,
                _SAYS,
                [label for label, _ in labels],
                registry=self._registry,
                multiprocess_mode=_MODE,
            )
        return gauge.labels(*[value for _, value in labels]) if labels else gauge


def series_in(folder: Path | None) -> Iterator[Series]:
    """What any process shows of a look, by the files in ``folder``, if that is where values are."""
    for path in () if folder is None else folder.glob(f"gauge_{_MODE}_*.db"):
        file = MappedFile(path)
        try:
            file.read()
        except (FileNotFoundError, ValueError):
            # gone, or damaged, which who renders says
            continue
        for key, value, at in zip(file.keys, file.values, file.times, strict=True):
            name, _, labels, says = json.loads(key)
            # what was never set is not shown, and what was taken back need not be again
            if says == _SAYS and at and not isnan(value):
                yield name, tuple(sorted(labels.items()))
