"""Send times: the customer's hour, never a quiet one where they live."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.decisions.send_times import SendTimes
from tests.catalogues import action, catalogue

CATALOGUE = catalogue(
    action("now"),
    action("usual", send="usual_hour"),
    action("urgent", respects_quiet_hours=False),
    action("onsite", channel="web"),
    usual_hour=10,
)


def send_at(action_id, now, zone=None, hour=math.nan):
    return SendTimes(CATALOGUE.config, now).send_at(CATALOGUE.by_id[action_id], zone, hour)


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
