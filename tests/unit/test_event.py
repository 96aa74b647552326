"""A record becomes one event or is set aside with a reason; it never raises."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.event import EVENT_SCHEMA, Event, SetAside, content_id, read_event, read_time, to_table

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
VIEW = {
    "event_id": "e1",
    "type": "product_viewed",
    "customer_id": "c1",
    "timestamp": "2026-11-01T10:00:00Z",
    "properties": {"product_id": "p1"},
}


def event(**changes: Any) -> Event:
    read = read_event({**VIEW, **changes}, NOW)
    assert isinstance(read, Event), read
    return read


def reason(**changes: Any) -> str:
    read = read_event({**VIEW, **changes}, NOW)
    assert isinstance(read, SetAside), read
    assert read.detail
    return read.reason


def test_a_record_becomes_an_event() -> None:
    read = event()
    assert (read.event_id, read.type, read.customer_id) == ("e1", "product_viewed", "c1")
    assert read.ts == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert read.properties == {"product_id": "p1"}
    assert read.received_at == NOW


@pytest.mark.parametrize(
    ("given", "text"),
    [(17850.0, "17850"), (17850, "17850"), (" 17850 ", "17850"), ("C-é", "C-é"), (1.5, "1.5")],
)
def test_an_id_is_text_whatever_it_came_as(given: Any, text: str) -> None:
    assert event(customer_id=given).customer_id == text


@pytest.mark.parametrize("missing", [None, "", "  ", math.nan])
def test_a_record_of_nobody_is_set_aside(missing: Any) -> None:
    assert reason(customer_id=missing) == "no_customer_id"


@pytest.mark.parametrize("odd", ["c" * 201, "a\x00b", "a\ud800b", True, ["c1"], {"id": 1}, b"c1"])
def test_an_id_no_store_can_take_is_set_aside(odd: Any) -> None:
    assert reason(customer_id=odd) == "invalid_field"


def test_an_anonymous_visitor_is_somebody() -> None:
    assert event(customer_id=None, anonymous_id="a1").anonymous_id == "a1"


def test_a_record_that_is_no_object_is_set_aside() -> None:
    read = read_event([1, 2], NOW)  # type: ignore[arg-type]
    assert isinstance(read, SetAside)
    assert read.reason == "not_an_object"


@pytest.mark.parametrize(
    ("type_given", "expected"),
    [(None, "missing_type"), (5, "missing_type"), ("teleported", "unknown_type")],
)
def test_a_type_outside_the_vocabulary_is_set_aside(type_given: Any, expected: str) -> None:
    assert reason(type=type_given) == expected


@pytest.mark.parametrize(
    "spelling", ["Product Viewed", "product-viewed", "view_item", "PRODUCT_VIEW", "productViewed"]
)
def test_a_type_is_known_by_its_aliases(spelling: str) -> None:
    assert event(type=spelling).type == "product_viewed"


@pytest.mark.parametrize(
    "given", [None, "soon", True, math.inf, math.nan, "2026-13-01", {}, 10**400]
)
def test_a_time_that_is_none_is_set_aside(given: Any) -> None:
    assert reason(timestamp=given) == "unparseable_time"


def test_a_future_time_is_set_aside_beyond_a_clock_drift_of_minutes() -> None:
    assert event(timestamp=(NOW + timedelta(minutes=4)).isoformat()).ts > NOW
    assert reason(timestamp=(NOW + timedelta(minutes=6)).isoformat()) == "future_time"


def test_a_time_before_the_web_is_set_aside() -> None:
    assert reason(timestamp="1970-01-01") == "implausible_time"


MOMENT = datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        "2026-11-01T10:00:00.123456Z",
        "2026-11-01 12:00:00.123456+02:00",
        1793527200.123456,
        1793527200123456,
        "1793527200123456",
        1793527200123456789,
    ],
)
def test_a_time_is_read_from_text_and_from_epochs_of_any_unit(given: Any) -> None:
    assert read_time(given) == MOMENT


@given(st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2100-01-01")))
def test_an_epoch_in_microseconds_is_exact(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_time(micros) == moment


def test_malformed_properties_are_set_aside() -> None:
    assert reason(properties='{"product_id": ') == "malformed_properties"
    assert reason(properties="[1]") == "malformed_properties"
    assert reason(properties=7) == "malformed_properties"
    assert reason(properties="[" * 100_000) == "malformed_properties"


def test_properties_come_nested_loose_or_as_json_text() -> None:
    assert event(properties='{"product_id": "p1"}').properties == {"product_id": "p1"}
    assert event(properties=None, sku="p2").properties == {"product_id": "p2"}
    assert event(type="identify", properties=None, traits={"country": "DE"}).properties == {
        "country": "DE"
    }


@pytest.mark.parametrize("odd", [math.nan, math.inf, "dear", [1], "1e999"])
def test_a_number_that_is_none_is_set_aside(odd: Any) -> None:
    assert reason(properties={"price": odd}) == "invalid_property"


@pytest.mark.parametrize("odd", ["x" * 2_001, "a\x00b", "\ud800", True, [], {}])
def test_a_text_no_store_can_take_is_set_aside(odd: Any) -> None:
    assert reason(properties={"product_id": odd}) == "invalid_property"


def test_what_the_vocabulary_lacks_is_dropped_and_named() -> None:
    read = event(type="review", properties={"score": 4, "text": "I moved to …", "sentiment": 0.4})
    assert read.properties == {"score": 4.0, "sentiment": 0.4}
    assert read.dropped == ("text",)


def test_what_a_line_lacks_a_name_for_is_dropped_and_named_once() -> None:
    products = [{"sku": "a", "price": 2, "brand": "x"}, {"sku": "b", "price": 3, "brand": "y"}]
    read = event(type="purchase", properties={"products": products})
    assert read.dropped == ("products.brand",)
    assert read.properties["total"] == 5.0


def test_an_unreadable_sent_at_is_named_and_does_no_harm() -> None:
    read = event(sent_at="yesterday")
    assert read.sent_at is None
    assert read.dropped == ("sent_at",)


def test_the_first_spelling_wins_and_the_others_are_properties() -> None:
    read = event(type="page", name="Home", properties=None)
    assert read.type == "page_viewed"
    assert read.properties == {"page": "Home"}


def test_a_channel_inside_the_properties_is_the_events_channel() -> None:
    read = event(properties={"product_id": "p1", "channel": "app"})
    assert read.channel == "app"
    assert event(channel="web", properties={"channel": "app"}).channel == "web"


def test_a_message_by_its_channels_name_has_that_channel() -> None:
    assert event(type="Email Opened", properties={}).channel == "email"
    assert event(type="message_opened", properties={}).channel is None


def order(kind: str = "order_completed", **properties: Any) -> Any:
    return read_event({**VIEW, "type": kind, "properties": properties}, NOW)


def test_an_order_without_a_value_is_set_aside() -> None:
    assert order(order_id="o1").reason == "no_value"
    assert order(lines=[{"product_id": "a"}]).reason == "no_value"


def test_an_order_is_worth_its_lines_less_their_and_its_discounts() -> None:
    lines = [{"price": 10, "quantity": 2, "discount": 1}, {"price": 5}]
    assert order(lines=lines, discount=4).properties["total"] == 20.0


def test_a_line_of_no_pieces_is_worth_nothing() -> None:
    assert order(lines=[{"price": 10, "quantity": 0}, {"price": 5}]).properties["total"] == 5.0


def test_a_refund_counts_as_positive_amounts() -> None:
    read = order("refund", total=-12, lines=[{"price": 6, "quantity": -2}])
    assert read.properties["total"] == 12.0
    assert read.properties["lines"][0]["quantity"] == 2.0


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"total": -1}, "negative_value"),
        ({"lines": [{"price": 2, "quantity": -1}]}, "negative_quantity"),
        ({"lines": [{"price": -2, "quantity": 1}]}, "negative_value"),
    ],
)
def test_a_purchase_is_never_negative(properties: dict[str, Any], expected: str) -> None:
    assert order(**properties).reason == expected


def test_a_currency_is_one_of_iso_4217() -> None:
    assert order(total=1, currency="gbp").properties["currency"] == "GBP"
    assert order(total=1, currency="GPB").reason == "unknown_currency"


def test_a_record_without_an_id_gets_one_from_its_content() -> None:
    first, again = event(event_id=None), event(event_id="")
    assert first.event_id == again.event_id
    assert event(event_id=None, properties={"product_id": "p2"}).event_id != first.event_id


def test_a_content_id_does_not_depend_on_the_order_of_names() -> None:
    assert content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1})


def test_a_term_end_without_a_zone_is_utc() -> None:
    read = event(type="subscribe", properties={"term_end": "2027-01-01T00:00:00"})
    assert to_table([read]).column("properties")[0].as_py() == '{"term_end":"2027-01-01T00:00:00Z"}'


def test_no_events_are_an_empty_table() -> None:
    assert to_table([]).schema.equals(EVENT_SCHEMA)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    ["type", "event", "customer_id", "userId", "timestamp", "properties", "traits", "event_id",
     "sent_at", "channel", "lines", "price", "currency", "total", "session_id"]
)  # fmt: skip


@given(st.dictionaries(_names | st.text(), _anything, max_size=8))
def test_whatever_comes_is_an_event_or_set_aside(record: dict[str, Any]) -> None:
    read = read_event(record, NOW)
    if isinstance(read, Event):
        assert to_table([read]).num_rows == 1


@given(st.dictionaries(_names | st.text(), _anything, max_size=6))
def test_whatever_an_order_brings_is_kept_or_set_aside(properties: dict[str, Any]) -> None:
    read = read_event({**VIEW, "type": "order_completed", "properties": properties}, NOW)
    if isinstance(read, Event):
        assert read.properties["total"] >= 0
        assert to_table([read]).num_rows == 1


@pytest.mark.parametrize("number", [float("inf"), -float("inf")])
def test_a_number_larger_than_any_is_no_id(number) -> None:
    assert reason(customer_id=number) == "invalid_field"
    assert reason(properties={"product_id": number}) is not None
    assert order(lines=[{"product_id": number, "quantity": 1, "price": 2}]).reason is not None
