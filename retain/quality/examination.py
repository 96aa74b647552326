"""The whole examination: every check of the events, and of the features where there are any."""

from datetime import datetime, timedelta

import pyarrow as pa

from retain.quality import amounts, counts, customers, features, freshness, prices, values, volume
from retain.quality.counts import ALL
from retain.quality.event_source import Events, Source, opened
from retain.quality.findings import Findings
from retain.quality.profile import Profile, profile_of
from retain.quality.thresholds import Thresholds


def examine_events(
    source: Source, as_of: datetime, thresholds: Thresholds, *, threads: int = 2
) -> Findings:
    """Volume, freshness, values, prices and customers of the events up to ``as_of``.

    ``source`` is rows of the event log (:data:`retain.event.EVENT_SCHEMA`), the Parquet glob
    of its history (:func:`retain.history.glob`), or both.
    """
    expected = as_of - timedelta(hours=thresholds.volume.arrival_delay_hours)
    back = counts.days(thresholds.volume)
    with opened(source, expected, days=back, only_times=True, threads=threads) as events:
        found = _arrival(events, expected, thresholds)
    recent = thresholds.values.recent_days + thresholds.values.past_days
    with opened(source, as_of, days=recent, threads=threads) as events:
        found += values.findings(events, thresholds.values)
        found += prices.findings(events, thresholds.values)
        found += amounts.findings(events)
    with opened(source, as_of, days=thresholds.customers.days, threads=threads) as events:
        found += customers.findings(events, thresholds.customers, thresholds.training.exclude)
    return found


def examine_features(table: pa.Table, training: Profile | None, thresholds: Thresholds) -> Findings:
    """Drift, null rates and ranges of a feature table against a model's training snapshot.

    Without a snapshot only impossible values are found.
    """
    current = profile_of(table, training)
    if training is None:
        return features.without_snapshot(current)
    return features.findings(training, current, thresholds.features)


def _arrival(events: Events, expected: datetime, thresholds: Thresholds) -> Findings:
    counted = volume.findings(events, expected, thresholds.volume)
    silent = volume.silent_types(counted)
    fresh = freshness.findings(events, thresholds.volume, silent)
    if ALL in silent:
        fresh = Findings(samples=fresh.samples)
    return counted + fresh
