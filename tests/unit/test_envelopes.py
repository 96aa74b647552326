"""CloudEvents and Segment calls become the events they hold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.envelopes import unwrap
from retain.event import Event, SetAside, read_event, to_row
from retain.identities import links_in

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
CLOUD = {
    "specversion": "1.0",
    "id": "c-1",
    "source": "/shop",
    "type": "order_completed",
    "subject": "17850",
    "time": "2026-11-01T10:00:00Z",
    "data": {"order_id": "o1", "total": 42.5, "currency": "GBP"},
}
TRACK = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "m1",
    "userId": "17850",
    "timestamp": "2026-11-01T10:00:00Z",
}


def read(record: dict[str, Any]) -> Event:
    event = read_event(unwrap(record), NOW)
    assert isinstance(event, Event), event
    return event


def test_a_cloudevent_is_its_data_of_its_subject() -> None:
    event = read(CLOUD)
    assert (event.type, event.customer_id, event.source) == ("order_completed", "17850", "/shop")
    assert event.ts == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert event.properties == {"order_id": "o1", "total": 42.5, "currency": "GBP"}


def test_a_cloudevents_id_is_unique_only_with_its_source() -> None:
    assert read(CLOUD).event_id != read({**CLOUD, "source": "/till"}).event_id


@pytest.mark.parametrize(
    "name", ["com.example.shop.order_completed", "com.example.order.completed.v1", "purchase"]
)
def test_a_cloudevents_type_may_be_a_reverse_dns_name(name: str) -> None:
    assert read({**CLOUD, "type": name}).type == "order_completed"


def test_a_cloudevent_may_hold_a_whole_event() -> None:
    data = {
        "event_id": "mine",
        "type": "searched",
        "anonymous_id": "a",
        "properties": {"query": "x"},
    }
    event = read({**CLOUD, "data": data})
    assert (event.event_id, event.type) == ("mine", "searched")
    assert (event.customer_id, event.anonymous_id) == (None, "a")


def test_data_says_who_before_the_subject_does() -> None:
    assert read({**CLOUD, "data": {"userId": "u", "total": 1}}).customer_id == "u"


def test_data_that_is_no_object_is_set_aside() -> None:
    found = read_event(unwrap({**CLOUD, "data": 5}), NOW)
    assert isinstance(found, SetAside)
    assert found.reason == "malformed_properties"


def test_a_track_call_is_its_event() -> None:
    event = read({**TRACK, "sentAt": "2026-11-01T10:00:01Z", "properties": {"sku": "p1"}})
    assert (event.event_id, event.type, event.customer_id) == ("m1", "product_viewed", "17850")
    assert event.properties == {"product_id": "p1"}
    assert event.sent_at == datetime(2026, 11, 1, 10, 0, 1, tzinfo=UTC)


def test_the_context_says_device_campaign_and_page() -> None:
    context = {
        "device": {"type": "ios"},
        "library": {"name": "analytics-ios"},
        "page": {"url": "https://shop/x", "title": "X"},
        "campaign": {"source": "news", "name": "spring"},
    }
    call = {**TRACK, "type": "page", "name": "Home", "channel": "browser", "context": context}
    event = read(call)
    assert (event.device, event.channel, event.source) == ("ios", "web", "analytics-ios")
    assert event.properties == {
        "url": "https://shop/x",
        "page": "Home",
        "title": "X",
        "utm_source": "news",
        "utm_campaign": "spring",
    }


def test_an_identify_call_is_a_profile_without_what_retain_does_not_keep() -> None:
    call = {**TRACK, "type": "identify", "context": {"locale": "de-DE", "timezone": "Europe/Berlin"},
            "traits": {"email": "a@b", "name": "A", "address": {"country": "DE"}}}  # fmt: skip
    event = read(call)
    assert event.type == "profile_updated"
    assert event.properties == {
        "country": "DE",
        "language": "de-DE",
        "time_zone": "Europe/Berlin",
    }
    assert set(event.dropped) == {"email", "name"}


def test_an_alias_call_links_two_identities() -> None:
    event = read({**TRACK, "type": "alias", "previousId": "anon-7"})
    assert event.type == "identity_linked"
    assert event.properties == {"linked_id": "anon-7", "link_type": "either"}


def test_an_alias_of_the_visitor_s_own_id_links_the_visitor() -> None:
    event = read({**TRACK, "type": "alias", "previousId": "v", "anonymousId": "v"})
    assert event.properties == {"linked_id": "v", "link_type": "anonymous"}


def test_an_identify_call_keeps_both_ids_and_is_a_link_thereby() -> None:
    event = read({**TRACK, "type": "identify", "userId": "u", "anonymousId": "v"})
    assert (event.customer_id, event.anonymous_id) == ("u", "v")
    assert [(link.member_id, link.customer_id) for link in links_in([to_row(event)])] == [
        ("v", "u")
    ]


@pytest.mark.parametrize(
    ("properties", "total"),
    [
        ({"revenue": 25, "total": 30, "shipping": 3, "tax": 2}, 25.0),
        ({"total": 30, "shipping": 3, "tax": 2}, 25.0),
        ({"products": [{"price": 5, "quantity": 5}]}, 25.0),
    ],
)
def test_a_segment_orders_total_is_what_the_products_brought_in(
    properties: dict[str, Any], total: float
) -> None:
    event = read({**TRACK, "event": "Order Completed", "properties": properties})
    assert event.properties["total"] == total


def test_a_retain_event_stays_as_it_is() -> None:
    record = {"type": "page_viewed", "customer_id": "c", "timestamp": "2026-11-01"}
    assert unwrap(record) is record


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(
    st.sampled_from([CLOUD, TRACK, {**TRACK, "type": "page"}, {**TRACK, "type": "identify"}]),
    st.dictionaries(
        st.sampled_from([*CLOUD, *TRACK, "properties", "traits", "context", "name"]), _anything
    ),
)
def test_whatever_an_envelope_holds_is_an_event_or_set_aside(
    record: dict[str, Any], odd: dict[str, Any]
) -> None:
    assert isinstance(read_event(unwrap({**record, **odd}), NOW), Event | SetAside)
