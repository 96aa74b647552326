"""Many observations at once: a histogram's buckets are counted by NumPy and added to by number.

prometheus-client knows one observation at a time, each of which writes two values under a lock,
and into a mapped file where there are several workers: 2 to 5 us. What is written here is what
``observe`` would have written, so its private values are touched; a test holds both together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Histogram

Floats = NDArray[np.floating]


class Histograms:
    """The series of one histogram, each added to by many observations at once."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds: Floats = np.array(histogram._upper_bounds)  # noqa: SLF001
        self._series: dict[tuple[str, ...], Histogram] = {}

    def observe(self, labels: tuple[str, ...], values: Sequence[float | None] | Floats) -> None:
        """Observe every one of ``values`` that is a number, in the series of ``labels``."""
        found = np.asarray(values, dtype=np.float64)
        found = found[~np.isnan(found)]
        if not len(found):
            return
        series = self._series.get(labels)
        if series is None:
            series = self._histogram.labels(*labels) if labels else self._histogram
            self._series[labels] = series
        # a bucket holds what is less than or equal to its bound
        buckets = np.bincount(np.searchsorted(self._bounds, found), minlength=len(self._bounds))
        series._sum.inc(float(found.sum()))  # noqa: SLF001
        for bucket in np.flatnonzero(buckets).tolist():
            series._buckets[bucket].inc(float(buckets[bucket]))  # noqa: SLF001
