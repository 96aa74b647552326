from datetime import timedelta

import pytest

from retain.event import to_table
from retain.quality import counts, freshness, thresholds, volume
from retain.quality.event_source import opened
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, event, steady

LIMITS = thresholds.load(PROJECT_CONFIG).volume
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def reading(events, as_of=AS_OF, limits=LIMITS):
    return opened(to_table(events), as_of, days=counts.days(limits), only_times=True)


def judged(events, as_of=AS_OF, limits=LIMITS):
    with reading(events, as_of, limits) as source:
        return volume.findings(source, as_of, limits)


def summary(findings):
    return [(f.severity, f.check, f.subject) for f in findings.findings]


def stale(events, as_of=AS_OF, limits=LIMITS):
    with reading(events, as_of, limits) as source:
        return freshness.findings(source, limits)


def test_steady_traffic_is_ok():
    assert summary(judged(steady())) == []
    assert summary(stale(steady())) == []


def test_a_type_that_stopped_for_two_days_fails_and_its_first_day_is_a_gap():
    stopped = [e for e in steady("product_viewed") if e.ts <= AS_OF - 2 * DAY]
    events = [*steady(), *steady("searched"), *stopped]
    assert summary(judged(events)) == [
        ("fail", "volume", "product_viewed"),
        ("warn", "volume_gap", "product_viewed"),
    ]
    assert "the sender has stopped" in judged(events).findings[0].sentence


def test_when_everything_stopped_that_alone_is_said():
    events = [e for e in (*steady(), *steady("searched")) if e.ts <= AS_OF - 2 * DAY]
    assert summary(judged(events)) == [("fail", "volume", counts.ALL)]


@pytest.mark.parametrize(("kept", "severity"), [(3, "warn"), (10, "fail")])
def test_a_drop_is_graded_by_what_is_missing(kept, severity):
    events = [e for n, e in enumerate(steady()) if e.ts <= AS_OF - DAY or n % kept == 0]
    assert (severity, "volume", counts.ALL) in summary(judged(events))


def test_a_small_drop_is_not_reported():
    events = [e for n, e in enumerate(steady()) if e.ts <= AS_OF - DAY or n % 5 < 4]
    assert summary(judged(events)) == []


def test_four_times_the_usual_is_a_warning():
    day = [e for e in steady(per_day=144) if e.ts > AS_OF - DAY]
    events = [*steady(), *(event(n, e.type, e.ts) for n, e in enumerate(day, start=90_000))]
    assert ("warn", "volume", "page_viewed") in summary(judged(events))


def test_the_last_hour_is_a_sign_only():
    weeks = [AS_OF - 3 * HOUR, *(AS_OF - week * timedelta(weeks=1) for week in range(1, 10))]
    busy = [event(n, "searched", at - n * timedelta(minutes=1)) for at in weeks for n in range(50)]
    events = [*steady(), *busy]
    assert {f.severity for f in judged(events).findings} == {"warn"}
    assert "in the last hour" in judged(events).findings[0].sentence


def test_a_weekday_without_trade_is_usual():
    events = [e for e in steady() if (e.ts - timedelta(microseconds=1)).weekday() != 4]
    assert AS_OF.weekday() == 5
    assert summary(judged(events)) == []


def test_one_outage_among_the_weeks_moves_nothing():
    week = [e for e in steady() if not AS_OF - 8 * DAY < e.ts <= AS_OF - 7 * DAY]
    assert summary(judged(week)) == []


def test_a_closed_day_is_not_judged():
    events = [e for e in steady() if e.ts <= AS_OF - DAY]
    closed = LIMITS.model_copy(update={"closed_days": ((AS_OF - DAY).date(),)})
    assert summary(judged(events, limits=closed)) == []
    assert summary(judged(events)) != []


def test_a_young_log_is_not_judged():
    events = [e for e in steady(days=20) if e.ts <= AS_OF - DAY]
    assert summary(judged(events)) == []


def test_rare_events_are_not_judged_by_the_day():
    events = [e for e in steady(per_day=4) if e.ts <= AS_OF - DAY]
    assert summary(judged(events)) == []


def test_nothing_after_the_moment_is_counted():
    earlier = AS_OF - 10 * DAY
    events = [e for e in steady() if not earlier - DAY < e.ts <= earlier]
    assert ("fail", "volume", counts.ALL) in summary(judged(events, earlier))


def test_every_type_has_its_counts_in_the_metrics():
    found = {(m.name, m.labels["type"]): m.value for m in judged(steady()).samples}
    assert found["retain_events_last_day", "page_viewed"] == 48
    assert found["retain_events_usual_day", "all"] == 48


def test_a_rare_type_that_is_quiet_for_long_has_stopped():
    rare = [e for e in steady("ticket_opened", per_day=2) if e.ts <= AS_OF - 12 * DAY]
    found = stale([*steady(), *rare])
    assert summary(found) == [("fail", "freshness", "ticket_opened")]
    assert found.findings[0].value == pytest.approx(12 * 86_400)


def test_pauses_between_campaigns_are_usual():
    events = [*steady()]
    for week in (3, 6, 9):
        sent = AS_OF - week * timedelta(weeks=1)
        events += [event(n, "message_sent", sent + n * timedelta(minutes=1)) for n in range(60)]
    assert summary(stale(events)) == []


def test_a_type_that_ended_long_ago_has_not_stopped():
    ended = [e for e in steady("survey_submitted", days=150) if e.ts <= AS_OF - 60 * DAY]
    assert summary(stale([*steady(), *ended])) == []


def test_a_log_without_events_fails():
    assert summary(stale([])) == [("fail", "freshness", counts.ALL)]
    assert summary(judged([])) == []


def test_the_age_of_the_newest_event_is_a_metric():
    samples = {m.labels["type"]: m.value for m in stale(steady(until=AS_OF - HOUR)).samples}
    assert samples == {"all": 3_600.0, "page_viewed": 3_600.0}
