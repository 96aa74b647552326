"""Wishes that nothing acts on are named when they are told."""

from datetime import UTC, datetime

import pytest

from retain.decisions.unheard import unheard
from retain.event import Event, read_event

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)


def told(kind: str, **more) -> list[str]:
    record = {"type": kind, "customer_id": "c", "timestamp": NOW.isoformat(), **more}
    event = read_event(record, NOW)
    assert isinstance(event, Event)
    return list(unheard(event))


@pytest.mark.parametrize("kind", ["consent_withdrawn", "consent_given"])
def test_a_purpose_nobody_knows_is_named_with_those_there_are(kind):
    [warning] = told(kind, properties={"purpose": "advertising"})
    assert "'advertising'" in warning
    assert "marketing" in warning
    assert "win_back" in warning


@pytest.mark.parametrize(
    "purpose", ["marketing", "all", "profiling", "Cross-Sell", "E-Mail", "win back", "sms"]
)
def test_a_purpose_that_acts_is_not_however_it_is_spelled(purpose):
    assert told("consent_withdrawn", properties={"purpose": purpose}) == []


def test_without_a_purpose_everything_is_meant():
    assert told("consent_withdrawn") == []


def test_a_channel_nobody_knows_is_named_wherever_it_stands():
    [withdrawn] = told("consent_withdrawn", channel="text", properties={"purpose": "marketing"})
    assert "channel 'text'" in withdrawn
    [preferred] = told("preferences_updated", properties={"channels": ["email", "mobile_push"]})
    assert "channel 'mobile_push'" in preferred
    assert "push" in preferred
    assert told("preferences_updated", properties={"channels": ["SMS", "e-mail"]}) == []


def test_profiling_is_withdrawn_wherever_that_is_said():
    assert told("consent_withdrawn", channel="kiosk", properties={"purpose": "Profiling"}) == []


def test_what_is_no_wish_may_be_of_any_channel():
    assert told("page_viewed", channel="kiosk") == []
