"""Freshness: how old the newest event is, overall and per type, against its usual gaps.

A type has stopped when it is quiet for longer than twice its longest gap of the weeks before
and for longer than twelve mean gaps: random arrivals are quiet that long once in e^12 =
160,000 times, and nights, week-ends and the pauses between campaigns are in the longest gap.
"""

from datetime import timedelta

from retain.quality.counts import ALL
from retain.quality.event_source import Events, rows
from retain.quality.findings import Finding, Findings, Sample, findings_of
from retain.quality.thresholds import VolumeLimits

_SECOND = 1_000_000


def findings(
    events: Events, limits: VolumeLimits, reported: frozenset[str] = frozenset()
) -> Findings:
    """Types that have gone quiet, but for those already ``reported`` as silent.

    A type without any event for longer than ``limits.weeks`` has ended, not stopped.
    """
    window = timedelta(weeks=limits.weeks) // timedelta(microseconds=1)
    newest_of = rows(events, _QUERY.format(window=window, all=ALL))
    if not newest_of:
        return Findings(
            (Finding("fail", "freshness", ALL, 0, 0, "there are no events: import some"),)
        )
    samples, found = [], []
    for event_type, newest, count, longest, mean in newest_of:
        name = "all" if event_type == ALL else event_type
        samples.append(Sample("retain_newest_event_age_seconds", {"type": name}, newest / _SECOND))
        ended = newest > window and event_type != ALL
        if count < limits.least_expected or event_type in reported or ended:
            continue
        limit = max(limits.silence_gap_factor * longest, limits.silence_mean_factor * mean)
        if newest > limit:
            found.append(_finding(event_type, newest, limit, longest))
    overall = [finding for finding in found if finding.subject == ALL]
    return findings_of(overall or found, samples)


def _finding(event_type: str, newest: int, limit: float, longest: int) -> Finding:
    return Finding(
        "fail",
        "freshness",
        event_type,
        newest / _SECOND,
        limit / _SECOND,
        f"{event_type}: the newest is {_hours(newest)} old, the longest gap before was "
        f"{_hours(longest)}; it has stopped: check the tracker or the import",
    )


def _hours(micros: float) -> str:
    hours = micros / _SECOND / 3_600
    return f"{hours:,.1f} hours" if hours < 72 else f"{hours / 24:,.0f} days"


# The gaps of the weeks that end with the newest event: a silence does not widen its own limit.
# The time from the start of these weeks to their first event is a gap too.
_QUERY = """
    WITH newest AS (
        SELECT type, min(age) AS newest, max(age) AS oldest FROM events GROUP BY type
        UNION ALL
        SELECT '{all}', min(age), max(age) FROM events HAVING count(*) > 0
    ), span AS (
        SELECT type, newest, least({window}, max(oldest) OVER () - newest) AS span FROM newest
    ), seen AS (
        SELECT type, newest, span, age - newest AS past
        FROM events JOIN span USING (type) WHERE age - newest <= span
        UNION ALL
        SELECT span.type, newest, span, age - newest AS past
        FROM events CROSS JOIN span WHERE span.type = '{all}' AND age - newest <= span
    ), gaps AS (
        SELECT *, past - lag(past, 1, 0) OVER (PARTITION BY type ORDER BY past) AS gap FROM seen
    )
    SELECT type, newest, count(*), greatest(max(gap), span - max(past)), span / count(*)
    FROM gaps GROUP BY type, newest, span ORDER BY type
"""
