"""Send times: the customer's hour, never a quiet one where they live."""

import math
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import native
from retain.columns import ACTION_RULES
from retain.decisions.hours import HOURS, Habits, counted, hour_of_week
from retain.decisions.send_times import SendTimes
from retain.rule_rows import Row
from tests.catalogues import action, catalogue, customers

NOBODY = Habits()

CATALOGUE = catalogue(
    action("now"),
    action("usual", send="usual_hour"),
    action("urgent", respects_quiet_hours=False),
    action("onsite", channel="web"),
    usual_hour=10,
)


def times(now, habits=NOBODY, given=None, **known):
    row = Row(customers(known), ACTION_RULES)
    return SendTimes(CATALOGUE.config, habits, row, now, given)


def send_at(action_id, now, zone=None, hour=math.nan):
    known = {"time_zone": zone, "usual_order_hour": hour}
    return times(now, **known).send_at(CATALOGUE.by_id[action_id])


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action_id", "now", "zone", "hour", "expected"),
    [
        ("now", at(21, 12, 5), None, math.nan, at(21, 12, 5)),
        ("now", at(21, 22), None, math.nan, at(22, 8)),
        ("now", at(21, 3), None, math.nan, at(21, 8)),
        ("now", at(21, 13), "Asia/Seoul", math.nan, at(21, 23)),
        ("now", at(21, 13), "Mars/Olympus", math.nan, at(21, 13)),
        ("urgent", at(21, 22), None, math.nan, at(21, 22)),
        ("onsite", at(21, 22), None, 9, at(21, 22)),
        ("usual", at(21, 12), None, 15, at(21, 15)),
        ("usual", at(21, 12), None, 9, at(22, 9)),
        ("usual", at(21, 9, 30), None, 9, at(21, 9, 30)),
        ("usual", at(21, 12), None, 23, at(22, 8)),
        ("usual", at(21, 12), None, math.nan, at(22, 10)),
        ("usual", at(21, 12), "Asia/Seoul", math.nan, at(22, 1)),
    ],
)
def test_the_next_allowed_moment_is_found(action_id, now, zone, hour, expected):
    assert send_at(action_id, now, zone, hour) == expected


@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: at(1, 0) + timedelta(minutes=minutes)),
    st.sampled_from([None, "Europe/London", "Asia/Seoul", "America/St_Johns", "Pacific/Apia"]),
    st.one_of(st.just(math.nan), st.integers(0, 23).map(float)),
    st.sampled_from(["now", "usual"]),
)
def test_nothing_is_sent_in_the_past_in_quiet_hours_or_later_than_two_days(
    now, zone, hour, action_id
):
    sent = send_at(action_id, now, zone, hour)
    assert now <= sent <= now + timedelta(days=2)
    local = sent.astimezone(ZoneInfo(zone or "UTC"))
    assert not CATALOGUE.config.quiet_hours.cover(local.hour)


def base(**counts):
    shares = [0.0] * HOURS
    for hour, count in counts.items():
        shares[int(hour.removeprefix("h"))] = count
    return Habits(tuple(shares))


# 21 November 2026 is a Saturday: its hours are 120 to 143 of the week
SATURDAY = at(21, 6)


def test_the_hour_of_most_visits_of_the_next_day_is_chosen():
    sent = times(SATURDAY, active_hours=["138 9", "130 2"]).send_at(CATALOGUE.by_id["usual"])
    assert sent == at(21, 18)


def test_an_hour_of_another_weekday_counts_but_less_than_the_days_own():
    usual = CATALOGUE.by_id["usual"]
    assert times(SATURDAY, active_hours=["18 3"]).send_at(usual) == at(21, 18)
    assert times(SATURDAY, active_hours=["18 3", "130 2"]).send_at(usual) == at(21, 10)


def test_what_was_opened_counts_more_than_a_visit():
    known = {"active_hours": ["138 1"], "response_hours": ["130 1"]}
    assert times(SATURDAY, **known).send_at(CATALOGUE.by_id["usual"]) == at(21, 10)


def test_who_was_never_seen_gets_the_hour_of_the_base_and_one_visit_does_not_change_it():
    busy = base(h132=500.0, h136=100.0)
    usual = CATALOGUE.by_id["usual"]
    assert times(SATURDAY, busy).send_at(usual) == at(21, 12)
    assert times(SATURDAY, busy, active_hours=["138 1"]).send_at(usual) == at(21, 12)
    assert times(SATURDAY, busy, active_hours=["138 40"]).send_at(usual) == at(21, 18)


def test_habits_in_quiet_hours_give_the_best_hour_that_is_not():
    sent = times(SATURDAY, active_hours=["143 9", "140 1"]).send_at(CATALOGUE.by_id["usual"])
    assert sent == at(21, 20)


def test_the_time_zone_of_the_request_goes_before_the_profile():
    tokyo = timezone(timedelta(hours=9))
    known = {"time_zone": "Europe/London"}
    assert times(at(21, 13), given=tokyo, **known).send_at(CATALOGUE.by_id["now"]) == at(21, 23)
    assert times(at(21, 13), **known).send_at(CATALOGUE.by_id["now"]) == at(21, 13)


def test_the_scores_of_a_week_add_up_to_one():
    assert sum(base(h3=5.0).scores(["0 2", "167 1", "40 7"], ["40 1"])) == pytest.approx(1.0)
    assert sum(base(h3=5.0).shares) == pytest.approx(1.0)
    assert sum(NOBODY.shares) == pytest.approx(1.0)


@given(st.integers(0, HOURS - 1), st.integers(0, HOURS))
def test_the_scores_of_some_hours_are_those_of_the_week_from_there_on(first, many):
    habits, lines = base(h3=5.0, h150=2.0), (["0 2", "167 1", "40 7"], ["40 1"])
    for seen in (lines, ([], None)):
        week = habits.scores(*seen)
        assert habits.scores(*seen, first, many) == (week + week)[first : first + many]


def test_every_customer_counts_once_in_the_habits_of_the_base():
    counts = counted([["5 90", "6 10"], ["5 1"], None, []])
    assert (counts[5], counts[6]) == (pytest.approx(1.9), pytest.approx(0.1))


@given(
    st.integers(0, 14 * 24 * 60).map(lambda minutes: at(1, 0) + timedelta(minutes=minutes)),
    st.sampled_from([None, "Europe/London", "Asia/Kolkata", "America/St_Johns"]),
    st.lists(
        st.tuples(st.integers(0, 167), st.integers(1, 50)), max_size=5, unique_by=lambda h: h[0]
    ),
)
def test_habits_never_lead_into_the_past_quiet_hours_or_beyond_two_days(now, zone, hours):
    known = {"time_zone": zone, "active_hours": [f"{hour} {count}" for hour, count in hours]}
    sent = times(now, **known).send_at(CATALOGUE.by_id["usual"])
    assert now <= sent <= now + timedelta(days=2)
    assert not CATALOGUE.config.quiet_hours.cover(sent.astimezone(ZoneInfo(zone or "UTC")).hour)


def test_the_hours_of_the_week_are_counted_from_monday():
    assert (hour_of_week(at(16, 0)), hour_of_week(at(22, 23))) == (0, 167)


counts = st.integers(1, 10**9 - 1) | st.integers(1, 60)
lines = st.none() | st.lists(
    st.tuples(st.integers(0, HOURS - 1), counts).map(lambda line: f"{line[0]} {line[1]}"),
    max_size=12,
)
bases = st.sampled_from([NOBODY, base(h3=5.0, h150=2.0), base(h0=1 / 3, h40=0.7, h167=100.0)])
first = st.integers(0, HOURS - 1)
quiet = st.none() | st.lists(st.booleans(), min_size=24, max_size=24).map(tuple)


@settings(max_examples=400)
@given(bases, st.tuples(lines, lines, first), st.integers(0, HOURS), quiet, st.integers(0, 23))
def test_hours_are_scored_in_c_as_in_python(habits, of_one, many, quiet, local):
    active, responsive, first = of_one
    asked = habits.shares, any(habits.counts), active, responsive
    kernel = native.compiled("hours")
    if kernel is None:
        pytest.skip("there is no C compiler")
    scores = habits.plain_scores(active, responsive, first, many)
    assert kernel.scores(*asked, first, many) == scores
    best = habits.plain_best(active, responsive, first, quiet, local)
    assert kernel.best(*asked, first, quiet, local) == best
    assert habits.best(active, responsive, first, quiet, local) == best
    assert habits.scores(active, responsive, first, many) == scores


@pytest.mark.parametrize(
    "line",
    ["", " ", "5", "5 ", " 5", "5  1", "5 1 1", "5 1.5", "5 0", "168 1", "-1 1", "é 1", None],
)
def test_lines_that_no_feature_writes_are_left_to_python(line):
    kernel = native.compiled("hours")
    if kernel is None:
        pytest.skip("there is no C compiler")
    assert kernel.best(NOBODY.shares, False, [line], None, 0, None, 0) is NotImplemented
    assert kernel.scores(NOBODY.shares, False, None, ["5 1", line], 0, 168) is NotImplemented


def test_what_is_no_week_or_no_day_is_left_to_python():
    kernel = native.compiled("hours")
    if kernel is None:
        pytest.skip("there is no C compiler")
    week = NOBODY.shares
    for wrong in ([[], True, [], [], 0, 24], [week, True, [], [], 168, 24]):
        assert kernel.scores(*wrong) is NotImplemented
    for many in (-1, 169):
        assert kernel.scores(week, True, [], [], 0, many) is NotImplemented
    assert kernel.scores([None] * HOURS, True, [], [], 0, 24) is NotImplemented
    assert kernel.best(week, True, [], [], 0, (True,), 0) is NotImplemented
    assert kernel.best(week, True, [], [], 0, (True,) * 24, -1) is NotImplemented
