"""Freshness of features: how old the rows are that requests are answered from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from retain.quality.findings import Findings, Sample


@dataclass(frozen=True, slots=True)
class StoredAge:
    """The online rows of one feature view.

    Attributes:
        median_seconds: since they were computed; None where there are none.
        missing: share of the customers looked at that have no row.
    """

    median_seconds: float | None
    missing: float


StoredAges = Callable[[Sequence[str], datetime], Mapping[str, StoredAge]]


def findings(ages: Mapping[str, StoredAge]) -> Findings:
    """Samples only: an old row is not wrong while nothing happened to its customer."""
    samples = []
    for view, age in ages.items():
        samples.append(Sample("retain_feature_rows_missing", {"view": view}, age.missing))
        if age.median_seconds is not None:
            seconds = age.median_seconds
            samples.append(Sample("retain_feature_rows_age_seconds", {"view": view}, seconds))
    return Findings(samples=tuple(samples))
