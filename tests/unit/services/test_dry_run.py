"""``POST /events?dry_run=true`` explains each event and stores none."""

from datetime import UTC, datetime

import pytest

from retain.identity_links import Link
from retain.people import People
from services.ingest import Ingest
from services.metrics import Metrics
from services.schemas.events import DRY_RUN_EXAMPLE, EventResults

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
VIEW = {
    "event_id": "v1",
    "type": "Product Viewed",
    "customer_id": "17850",
    "timestamp": "2026-11-21T19:58:11Z",
    "properties": {"productId": "sku-1", "price": "3.50", "hat": 1},
}


class Untouchable:
    """A log nobody may write to or note anything in."""


@pytest.fixture(scope="module")
def dry_run():
    ingest = Ingest(
        log=Untouchable(),
        known=lambda ids: {"known"} & set(ids),
        clock=lambda: NOW,
        metrics=Metrics(),
        writer=Untouchable(),
    )
    return lambda *records: ingest.ingest(list(records), dry_run=True)


def test_each_result_says_how_the_record_was_read(dry_run):
    (result,) = dry_run(VIEW).answer["results"]
    assert result["status"] == "accepted"
    told = result["explanation"]
    assert {one["given"]: one["outcome"] for one in told["properties"]} == {
        "productId": "renamed",
        "price": "converted",
        "hat": "dropped",
    }
    assert told["time"]["stored"] == "2026-11-21T19:58:11Z"
    assert told["customer"]["customer_id"] == "17850"
    assert {"activity", "cart"} <= set(told["feature_views"])


def test_duplicates_and_rejections_are_explained_too(dry_run):
    twice = dry_run(VIEW, VIEW, VIEW | {"event_id": "known"}, VIEW | {"type": "teleported"})
    results = twice.answer["results"]
    assert [one["status"] for one in results] == ["accepted", "duplicate", "duplicate", "rejected"]
    assert results[3]["reason"] == "unknown_type"
    assert results[3]["explanation"]["feature_views"] == []
    assert not twice.complete


def test_an_id_that_was_merged_names_the_customer_whose_features_change():
    link = Link(1, "l1", True, "customer", "c1", "c2")
    ingest = Ingest(
        log=Untouchable(),
        known=lambda ids: set(),
        writer=Untouchable(),
        clock=lambda: NOW,
        metrics=Metrics(),
        people=lambda ids: People([link]),
    )
    given = ingest.ingest([VIEW | {"customer_id": "c1"}, VIEW], dry_run=True)
    merged, alone = (one["explanation"]["customer"] for one in given.answer["results"])
    assert merged["merged_into"] == "c2"
    assert "merged_into" not in alone


def test_the_published_example_is_what_is_answered(dry_run):
    sent = {
        "event_id": "01JD0Z6Y8Q",
        "type": "Product Added",
        "userId": "17850",
        "timestamp": "2026-11-21T19:58:11Z",
        "channel": "web",
        "properties": {"product_id": "sku-1", "quantity": "2", "colour": "red"},
    }
    assert dry_run(sent).answer == DRY_RUN_EXAMPLE


def test_an_answer_is_as_the_interface_describes_it(dry_run):
    mixed = dry_run(VIEW, [1], VIEW | {"properties": "no"}, VIEW | {"timestamp": "soon"})
    EventResults.model_validate(mixed.answer)
