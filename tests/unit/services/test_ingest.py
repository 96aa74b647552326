"""Taking in events: each gets its own result, in the order sent."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.clock import iso, to_micros
from retain.errors import InvalidInput
from services.ingest import records_in
from services.schemas.event_forms import EXAMPLES
from tests.unit.services.fakes import NOW, Service

EVENT = {
    "event_id": "e-1",
    "type": "product_viewed",
    "customer_id": "17850",
    "timestamp": "2026-11-21T19:00:00Z",
    "properties": {"product_id": "sku-1", "mood": "good"},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "type",
        "event",
        "data",
        "id",
        "subject",
        "source",
        "time",
        "specversion",
        "userId",
        "messageId",
        "properties",
        "traits",
        "context",
        "customer_id",
        "timestamp",
        "event_id",
        "channel",
    ]
)
types = st.sampled_from(["order_completed", "track", "identify", "page", "product_viewed"])
json_records = json_values | st.dictionaries(names, json_values | types)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def events(service):
    return service.use_cases().events


def statuses(handled) -> list[str]:
    return [result["status"] for result in handled.answer["results"]]


@pytest.mark.parametrize("body", [{"events": [EVENT]}, {"batch": [EVENT]}, [EVENT], EVENT])
def test_a_batch_a_list_and_one_event_are_all_understood(events, body) -> None:
    assert statuses(events.ingest(body)) == ["accepted"]


@pytest.mark.parametrize("body", ["events", 5, None, {"events": EVENT}, [], {"events": []}])
def test_what_holds_no_events_is_refused(body) -> None:
    with pytest.raises(InvalidInput):
        records_in(body)


@given(json_records)
def test_no_record_whatever_it_holds_breaks_the_batch_it_came_in(record) -> None:
    done = Service().use_cases().events.ingest([record, EVENT])
    assert len(done.answer["results"]) == 2
    assert done.answer["results"][1]["status"] == "accepted"


@pytest.mark.parametrize("event", EXAMPLES)
def test_every_published_example_is_accepted(events, event) -> None:
    assert statuses(events.ingest([event])) == ["accepted"]


_AHEAD = timedelta(hours=2)
_OWN = EVENT | {"timestamp": iso(NOW - timedelta(minutes=1) + _AHEAD)}
_SEGMENT = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "e-1",
    "userId": "17850",
    "timestamp": _OWN["timestamp"],
    "properties": {"product_id": "sku-1"},
}
_CLOUD = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "shop",
    "type": "com.shop.product_viewed",
    "subject": "17850",
    "time": _OWN["timestamp"],
    "data": {"product_id": "sku-1"},
}


@pytest.mark.parametrize("name", ["sentAt", "sent_at"])
@pytest.mark.parametrize("field", ["events", "batch"])
@pytest.mark.parametrize("record", [_OWN, _SEGMENT, _CLOUD, _OWN | {"sent_at": None}])
def test_a_clock_two_hours_ahead_is_corrected_by_when_the_batch_was_sent(
    service, events, record, field, name
) -> None:
    body = {field: [record], name: iso(NOW + _AHEAD)}
    assert statuses(events.ingest({field: [record]})) == ["rejected"]
    (explained,) = events.explain(body).answer["results"]
    (result,) = events.ingest(body).answer["results"]
    assert (result["status"], result["dropped"]) == ("accepted", explained["dropped"])
    assert result["corrected_from"] == explained["corrected_from"] == _OWN["timestamp"]
    (stored,) = service.log.stored.values()
    assert stored["ts"] == to_micros(NOW - timedelta(minutes=1))


def test_a_record_that_says_when_it_was_sent_is_read_by_that_and_not_by_its_batch(events) -> None:
    record = _OWN | {"sentAt": iso(NOW)}
    body = {"batch": [record], "sentAt": iso(NOW + _AHEAD)}
    assert statuses(events.ingest(body)) == ["rejected"]


def test_an_event_sent_again_is_a_duplicate(events) -> None:
    assert statuses(events.ingest([EVENT])) == ["accepted"]
    assert statuses(events.ingest([EVENT])) == ["duplicate"]


def test_of_two_equal_ids_in_one_batch_the_first_is_accepted(events, service) -> None:
    twice = events.ingest([EVENT, {**EVENT, "customer_id": "13047"}])
    assert statuses(twice) == ["accepted", "duplicate"]
    assert service.log.stored["e-1"]["customer_id"] == "17850"


def test_one_wrong_event_does_not_refuse_the_others(events) -> None:
    done = events.ingest([EVENT, {"type": "teleported"}, 7])
    assert statuses(done) == ["accepted", "rejected", "rejected"]
    assert [r["reason"] for r in done.answer["results"]] == [None, "unknown_type", "not_an_object"]
    assert not done.complete


def test_dropped_properties_are_named(events) -> None:
    assert events.ingest([EVENT]).answer["results"][0]["dropped"] == ["mood"]


def test_a_dry_run_explains_and_stores_nothing(events, service) -> None:
    assert statuses(events.ingest([EVENT], dry_run=True)) == ["accepted"]
    assert service.log.stored == {}
    assert service.nudges == 0


def test_a_dry_run_knows_what_is_stored(events) -> None:
    events.ingest([EVENT])
    assert statuses(events.ingest([EVENT], dry_run=True)) == ["duplicate"]


def test_the_refresher_is_told_at_once(events, service) -> None:
    events.ingest([EVENT])
    assert service.nudges == 1


def test_waiting_ends_when_the_features_reflect_the_events(service) -> None:
    service.log.lag = 3
    with service.client() as client:
        response = client.post("/events?wait=true", json=EVENT)
    assert response.status_code == 200
    assert service.log.looked == 4


def test_events_are_counted_by_what_became_of_them(events, service) -> None:
    events.ingest([EVENT, {"type": "teleported"}])
    events.ingest([EVENT])
    text = service.metrics.render().decode()
    for outcome in ("accepted", "duplicate", "rejected"):
        assert f'retain_events_total{{outcome="{outcome}"}} 1.0' in text


def test_a_purpose_nothing_acts_on_is_stored_with_a_warning(events) -> None:
    at = {"event_id": "e-1", "timestamp": iso(NOW - timedelta(minutes=1))}
    wish = {**_OWN, **at, "type": "consent_withdrawn", "properties": {"purpose": "advertising"}}
    known = {**wish, "event_id": "e-2", "properties": {"purpose": "marketing"}}
    results = events.ingest([wish, known]).answer["results"]
    assert [one["status"] for one in results] == ["accepted", "accepted"]
    assert "'advertising'" in results[0]["warnings"][0]
    assert results[1]["warnings"] == []
