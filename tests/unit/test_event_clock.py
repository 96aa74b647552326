"""A sender's clock may be hours off; an event is never later than it was received."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.clock import iso
from retain.event import FUTURE_TOLERANCE, Event, SetAside, read_event

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
skews = st.timedeltas(-timedelta(days=4_000), timedelta(days=4_000))
spans = st.timedeltas(timedelta(), timedelta(days=9_000))


def sent(ts: datetime, sent_at: datetime | None, *, live: bool = True) -> Event | SetAside:
    record: dict[str, Any] = {
        "type": "product_viewed",
        "customer_id": "c1",
        "timestamp": iso(ts),
        "properties": {"product_id": "p1"},
    }
    if sent_at is not None:
        record["sent_at"] = iso(sent_at)
    return read_event(record, NOW, live=live)


def taken(ts: datetime, sent_at: datetime | None = None, *, live: bool = True) -> Event:
    read = sent(ts, sent_at, live=live)
    assert isinstance(read, Event), read
    return read


@pytest.mark.parametrize("off", [3 * HOUR, -3 * HOUR, timedelta(days=400), -timedelta(days=400)])
def test_a_clock_that_is_off_either_way_is_corrected_by_when_it_sent(off: timedelta) -> None:
    read = taken(NOW + off - 10 * MINUTE, NOW + off)
    assert read.ts == NOW - 10 * MINUTE
    assert read.corrected_from == NOW + off - 10 * MINUTE
    assert read.sent_at == NOW + off


def test_a_device_that_thinks_it_is_1970_still_tells_how_long_ago_it_was() -> None:
    boot = datetime(1970, 1, 1, tzinfo=UTC)
    assert taken(boot + MINUTE, boot + 3 * MINUTE).ts == NOW - 2 * MINUTE


def test_a_right_clock_is_left_alone() -> None:
    assert taken(NOW - HOUR, NOW).ts == NOW - HOUR
    assert taken(NOW - HOUR, NOW).corrected_from is None
    assert taken(NOW - HOUR).corrected_from is None


def test_what_waited_on_a_device_for_days_stays_days_old() -> None:
    assert taken(NOW + HOUR - timedelta(days=3), NOW + HOUR).ts == NOW - timedelta(days=3)


def test_a_time_a_little_in_the_future_becomes_the_moment_of_receipt() -> None:
    read = taken(NOW + 4 * MINUTE)
    assert read.ts == NOW
    assert read.corrected_from == NOW + 4 * MINUTE


@pytest.mark.parametrize(("ahead", "sent_at"), [(6 * MINUTE, None), (HOUR, 54 * MINUTE)])
def test_a_time_far_in_the_future_is_set_aside(ahead, sent_at) -> None:
    read = sent(NOW + ahead, None if sent_at is None else NOW + sent_at)
    assert isinstance(read, SetAside)
    assert read.reason == "future_time"


def test_an_event_long_before_anything_is_set_aside_also_when_corrected() -> None:
    read = sent(NOW - timedelta(days=20_000), NOW + HOUR)
    assert isinstance(read, SetAside)
    assert read.reason == "implausible_time"


def test_imported_history_keeps_its_times() -> None:
    assert taken(NOW - 5 * HOUR, NOW - 4 * HOUR, live=False).ts == NOW - 5 * HOUR


def test_a_record_without_an_id_is_the_same_event_however_often_it_is_corrected() -> None:
    record = {"type": "page_viewed", "customer_id": "c", "timestamp": iso(NOW), "sent_at": iso(NOW)}
    first = read_event(record, NOW, live=True)
    again = read_event(record | {"sent_at": iso(NOW + MINUTE)}, NOW + 2 * MINUTE, live=True)
    assert isinstance(first, Event)
    assert isinstance(again, Event)
    assert first.event_id == again.event_id


@given(off=skews, ago=spans)
def test_any_clock_gives_the_time_a_right_one_would_have(off: timedelta, ago: timedelta) -> None:
    read = taken(NOW + off - ago, NOW + off)
    assert read.ts == NOW - ago


@given(off=skews, sent_off=skews)
def test_no_event_is_ever_later_than_its_receipt(off: timedelta, sent_off: timedelta) -> None:
    read = sent(NOW + off, NOW + sent_off)
    if isinstance(read, Event):
        assert read.ts <= NOW
    elif read.reason == "future_time":
        assert off - sent_off > FUTURE_TOLERANCE
