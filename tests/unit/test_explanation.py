"""A dry run says of every name what became of it."""

from datetime import UTC, datetime, timedelta

from retain.envelopes import unwrap
from retain.event import read_event
from retain.explanation import explained

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
ORDER = {
    "type": "Order Completed",
    "userId": 17850,
    "ts": "2026-11-21T19:58:11Z",
    "properties": {
        "orderId": "o-1",
        "currency": "gbp",
        "products": [{"sku": "a", "qty": "2", "price": 3.5, "colour": "red"}],
        "hat": True,
        "coupon": None,
    },
}


def explain(record, **changes):
    record = record | changes
    return explained(record, read_event(unwrap(record), NOW, live=True))


def outcomes(explanation):
    return {(one["given"], one["property"]): one["outcome"] for one in explanation["properties"]}


def test_every_name_is_kept_renamed_converted_derived_or_dropped():
    assert outcomes(explain(ORDER)) == {
        ("orderId", "order_id"): "renamed",
        ("currency", "currency"): "converted",
        ("products", "lines"): "renamed",
        ("products.sku", "lines.product_id"): "renamed",
        ("products.qty", "lines.quantity"): "renamed",
        ("products.colour", None): "dropped",
        ("hat", None): "dropped",
        ("coupon", "coupon"): "dropped",
        (None, "total"): "derived",
    }


def test_a_conversion_shows_both_values_and_a_drop_its_reason():
    found = {one["given"]: one for one in explain(ORDER)["properties"]}
    assert (found["currency"]["from"], found["currency"]["value"]) == ("gbp", "GBP")
    assert "no such property" in found["hat"]["why"]
    assert found["coupon"]["why"] == "it has no value"
    assert found[None]["value"] == 7.0


def test_of_two_spellings_the_vocabularys_own_counts_and_the_other_says_so():
    record = {"type": "product_viewed", "customer_id": "1", "timestamp": "2026-11-21T19:00:00Z"}
    given = {"productId": "b", "product_id": "a"}
    found = {one["given"]: one for one in explain(record, properties=given)["properties"]}
    assert found["product_id"]["outcome"] == "kept"
    assert found["productId"]["outcome"] == "dropped"
    assert "product_id itself is given" in found["productId"]["why"]


def test_the_spelling_of_the_type_and_of_common_fields_is_shown():
    found = explain(ORDER)
    assert found["type"] == {"given": "Order Completed", "read_as": "order_completed"}
    assert {"given": "userId", "read_as": "customer_id"} in found["fields"]
    assert {"given": "ts", "read_as": "timestamp"} in found["fields"]
    assert found["customer"]["customer_id"] == "17850"


def test_a_corrected_clock_is_told_with_its_seconds():
    found = explain(ORDER, sent_at=(NOW - timedelta(minutes=1)).isoformat())
    assert found["time"]["stored"] == "2026-11-21T19:59:11Z"
    assert "+60.000 seconds" in found["time"]["why"]


def test_an_anonymous_event_says_whose_it_will_be():
    record = {"type": "searched", "anonymous_id": "a1", "timestamp": "2026-11-21T19:00:00Z"}
    assert "identity_linked" in explain(record)["customer"]["why"]


def test_envelopes_are_named():
    segment = {
        "type": "track",
        "event": "Product Viewed",
        "userId": "1",
        "timestamp": "2026-11-21T19:00:00Z",
        "properties": {"product_id": "p"},
    }
    cloud = {
        "specversion": "1.0",
        "id": "1",
        "source": "shop",
        "type": "com.shop.searched.v1",
        "subject": "1",
        "time": "2026-11-21T19:00:00Z",
    }
    assert explain(ORDER)["envelope"] == "retain"
    assert explain(segment)["envelope"] == "segment"
    assert explain(cloud)["envelope"] == "cloudevents"


def test_what_is_rejected_is_explained_as_far_as_it_was_read():
    unknown = explain(ORDER, type="teleported")
    assert unknown["type"]["read_as"] is None
    assert {one["outcome"] for one in unknown["properties"]} == {"dropped"}
    early = explain(ORDER, ts="2027-11-21T19:58:11Z")
    assert early["time"] == {"given": "2027-11-21T19:58:11Z", "stored": None}
    assert ("orderId", "order_id") in outcomes(early)
    assert explain({"type": "searched"}, properties="[1]")["why"]
    assert explained([1], read_event([1], NOW))["properties"] == []
