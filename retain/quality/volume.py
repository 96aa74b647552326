"""Event volume: sudden drops, silences and spikes of an event type, and of all together."""

from datetime import datetime, timedelta
from math import isfinite

from retain.quality import counts
from retain.quality.counts import ALL, Counted
from retain.quality.event_source import Events
from retain.quality.findings import Finding, Findings, Sample, Severity, findings_of, graded
from retain.quality.thresholds import VolumeLimits


def findings(events: Events, as_of: datetime, limits: VolumeLimits) -> Findings:
    """The last day, the six before and the last hour of every type against their usual.

    Where everything has stopped, that alone is reported.
    """
    by_type = counts.daily(events, as_of, limits)
    today = [days[0] for days in by_type]
    found = [f for counted in today if (f := _last_day(counted, limits))]
    if any(f.subject == ALL and f.severity == "fail" for f in found):
        return findings_of([f for f in found if f.subject == ALL], _samples(today))
    found += [f for days in by_type if (f := _gap(days[1:], as_of, limits))]
    reported = {f.subject for f in found}
    found += [
        f
        for counted in counts.last_hour(events, limits)
        if counted.event_type not in reported and (f := _last_hour(counted, limits))
    ]
    return findings_of(found, _samples(today))


def silent_types(found: Findings) -> frozenset[str]:
    """The types that ``found`` already reports as fallen to nothing."""
    return frozenset(f.subject for f in found.findings if f.check == "volume" and f.value == 0)


def _severity(counted: Counted, limits: VolumeLimits) -> Severity:
    # comparisons with what is not known are false
    if not counted.usual >= limits.least_expected:
        return "ok"
    if counted.deviations >= limits.deviations:
        return "warn" if counted.count >= limits.spike * counted.usual else "ok"
    if counted.deviations <= -limits.deviations or counted.count == 0:
        missing = 1 - counted.count / counted.usual
        return graded(missing, warn=limits.drop.warn, fail=limits.drop.fail)
    return "ok"


def _last_day(counted: Counted, limits: VolumeLimits) -> Finding | None:
    severity = _severity(counted, limits)
    return None if severity == "ok" else _finding(severity, counted, "24 hours", limits)


def _last_hour(counted: Counted, limits: VolumeLimits) -> Finding | None:
    # an hour is a sign, a day is a fact
    quiet = _severity(counted, limits) == "ok"
    return None if quiet else _finding("warn", counted, "hour", limits)


def _finding(severity: Severity, counted: Counted, window: str, limits: VolumeLimits) -> Finding:
    if counted.count > counted.usual:
        threshold = limits.spike * counted.usual
        advice = "look for a sender that sends twice, a bot, or a campaign"
    else:
        threshold = counted.usual * (1 - getattr(limits.drop, severity))
        advice = "traffic is missing: check the senders, and whether the shop was closed"
    if counted.count == 0:
        advice = "the sender has stopped: check the tracker or the import"
    sentence = (
        f"{counted.event_type}: {counted.count:,.0f} in the last {window}, usually "
        f"{counted.usual:,.0f} at this time of the week; {advice}"
    )
    return Finding(severity, "volume", counted.event_type, counted.count, threshold, sentence)


def _gap(earlier: list[Counted], as_of: datetime, limits: VolumeLimits) -> Finding | None:
    lost = [
        counted
        for counted in earlier
        if counted.count < counted.usual and _severity(counted, limits) == "fail"
    ]
    if not lost:
        return None
    name = lost[0].event_type
    missing = sum(counted.usual - counted.count for counted in lost)
    since = ", ".join(
        f"{as_of - timedelta(days=counted.past + 1):%Y-%m-%dT%H:%M}" for counted in reversed(lost)
    )
    sentence = (
        f"{name}: about {missing:,.0f} events are missing in the 24 hours from {since}; features "
        "over these days are too low: send the events again where the sender has them"
    )
    return Finding("warn", "volume_gap", name, float(len(lost)), 1.0, sentence)


def _samples(today: list[Counted]) -> list[Sample]:
    samples = []
    for counted in today:
        labels = {"type": "all" if counted.event_type == ALL else counted.event_type}
        if isfinite(counted.count):
            samples.append(Sample("retain_events_last_day", labels, counted.count))
        if isfinite(counted.usual):
            samples.append(Sample("retain_events_usual_day", labels, counted.usual))
    return samples
