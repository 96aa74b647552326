"""What simulated events say, read back as any importer would read them."""

import json
from collections import defaultdict

import pyarrow as pa
import pytest

from retain.event import Event, read_event
from retain.simulator import blocks, products

RECORD = [
    "event_id",
    "type",
    "customer_id",
    "anonymous_id",
    "session_id",
    "channel",
    "device",
    "source",
    "properties",
]
CAMPAIGN_ACTIONS = {
    "winback_offer_email",
    "replenishment_email",
    "cross_sell_email",
    "reengagement_push",
}


@pytest.fixture(scope="module")
def block():
    return next(blocks(600, seed=11))


@pytest.fixture(scope="module")
def rows(block):
    rows = block.events.select([*RECORD, "ts"]).to_pylist()
    return [{**row, "properties": json.loads(row["properties"])} for row in rows]


@pytest.fixture(scope="module")
def by_type(rows):
    grouped = defaultdict(list)
    for row in rows:
        grouped[row["type"]].append(row)
    return grouped


def test_the_vocabulary_reads_every_event_and_drops_nothing(by_type):
    for of_type in by_type.values():
        for row in of_type[:150]:
            event = read_event({k: v for k, v in row.items() if v is not None}, row["ts"])
            assert isinstance(event, Event), event
            assert event.dropped == ()
            assert event.properties.keys() == row["properties"].keys()


def test_no_property_is_null(rows):
    assert all(value is not None for row in rows for value in row["properties"].values())


def test_the_shop_shows_every_family_of_behaviour(by_type):
    assert by_type.keys() >= {
        "page_viewed", "category_viewed", "product_viewed", "searched", "product_added", "product_removed",
        "checkout_started", "payment_failed", "coupon_applied", "order_completed", "order_refunded", "store_visited",
        "signed_up", "logged_in", "profile_updated", "tier_changed", "consent_given", "consent_withdrawn",
        "ticket_opened", "ticket_closed", "call_logged", "chat_ended", "review_submitted", "nps_submitted",
        "message_sent", "message_delivered", "message_opened", "message_clicked", "message_unsubscribed",
        "subscription_started", "subscription_renewed", "subscription_cancelled", "identity_linked", "experiment_viewed",
    }  # fmt: skip


def test_an_order_is_worth_the_sum_of_its_lines(by_type):
    for order in (*by_type["order_completed"], *by_type["order_refunded"]):
        lines = order["properties"]["lines"]
        value = sum(line["quantity"] * line["price"] - line["discount"] for line in lines)
        assert order["properties"]["total"] == pytest.approx(value, abs=1e-6)
        assert order["properties"]["total"] > 0


def test_order_lines_name_products_of_the_catalogue_at_their_price(by_type):
    known = {
        (row["product_id"], row["category"], row["price"]) for row in products(seed=11).to_pylist()
    }
    for order in by_type["order_completed"]:
        for line in order["properties"]["lines"]:
            assert (line["product_id"], line["category"], line["price"]) in known


def test_a_product_stands_once_in_an_order(by_type):
    for order in by_type["order_completed"]:
        bought = [line["product_id"] for line in order["properties"]["lines"]]
        assert len(bought) == len(set(bought))


def test_order_ids_are_unique(by_type):
    ids = [order["properties"]["order_id"] for order in by_type["order_completed"]]
    assert len(ids) == len(set(ids))


def test_a_refund_returns_lines_of_an_earlier_order_of_the_customer(by_type):
    orders = {order["properties"]["order_id"]: order for order in by_type["order_completed"]}
    for refund in by_type["order_refunded"]:
        order = orders[refund["properties"]["order_id"]]
        assert order["customer_id"] == refund["customer_id"]
        assert order["ts"] < refund["ts"]
        assert all(line in order["properties"]["lines"] for line in refund["properties"]["lines"])


def test_a_coupon_takes_something_off(by_type):
    with_coupon = [
        o["properties"] for o in by_type["order_completed"] if "coupon" in o["properties"]
    ]
    assert with_coupon
    assert all(sum(line["discount"] for line in order["lines"]) > 0 for order in with_coupon)


def test_an_online_order_ends_a_visit_with_its_checkout(by_type):
    started = {row["session_id"]: row["ts"] for row in by_type["checkout_started"]}
    online = [order for order in by_type["order_completed"] if order["channel"] != "store"]
    assert online
    assert all(started[order["session_id"]] <= order["ts"] for order in online)


def test_what_is_ordered_online_was_put_in_the_cart(by_type):
    carts = defaultdict(set)
    for row in by_type["product_added"]:
        carts[row["session_id"]].add(row["properties"]["product_id"])
    for order in by_type["order_completed"]:
        if order["channel"] != "store":
            bought = {line["product_id"] for line in order["properties"]["lines"]}
            assert bought <= carts[order["session_id"]]


def test_some_carts_are_left_behind(by_type):
    ordered = {row["session_id"] for row in by_type["order_completed"]}
    carted = {row["session_id"] for row in by_type["product_added"] if row["customer_id"]}
    assert len(carted - ordered) > 0.2 * len(carted)


def test_a_visit_belongs_to_one_person(rows):
    people = defaultdict(set)
    for row in rows:
        if row["session_id"]:
            people[row["session_id"]].add((row["customer_id"], row["anonymous_id"]))
    assert all(len(who) == 1 for who in people.values())


def test_nothing_happens_before_a_customer_signs_up(rows, by_type):
    signed_up = {row["customer_id"]: row["ts"] for row in by_type["signed_up"]}
    assert all(row["ts"] >= signed_up.get(row["customer_id"], row["ts"]) for row in rows)


def test_a_visitor_linked_to_a_customer_was_there_before(by_type):
    visits = {
        row["anonymous_id"]: row["ts"]
        for row in reversed(by_type["page_viewed"])
        if row["anonymous_id"]
    }
    assert by_type["identity_linked"]
    for link in by_type["identity_linked"]:
        assert link["properties"]["linked_id"] == link["anonymous_id"]
        assert visits[link["anonymous_id"]] < link["ts"]


def test_a_campaign_assigns_treated_and_held_out_and_writes_to_the_treated_only(by_type):
    assigned = {
        (row["customer_id"], row["properties"]["campaign_id"]): row["properties"]["variant"]
        for row in by_type["experiment_viewed"]
    }
    written = {
        (row["customer_id"], row["properties"]["campaign_id"]) for row in by_type["message_sent"]
    }
    assert len(assigned) == len(by_type["experiment_viewed"])
    assert written == {key for key, variant in assigned.items() if variant == "treatment"}
    assert set(assigned.values()) == {"control", "treatment"}


def test_campaign_events_name_a_known_action_and_messages_their_channel(by_type):
    assert {
        row["properties"]["action_id"] for row in by_type["experiment_viewed"]
    } == CAMPAIGN_ACTIONS
    for row in by_type["message_sent"]:
        assert row["channel"] == (
            "push" if row["properties"]["action_id"].endswith("push") else "email"
        )


def test_a_message_is_sent_then_delivered_then_opened_then_clicked(by_type):
    at = {
        step: {row["properties"]["message_id"]: row["ts"] for row in by_type[f"message_{step}"]}
        for step in ("sent", "delivered", "opened", "clicked")
    }
    for earlier, later in (("sent", "delivered"), ("delivered", "opened"), ("opened", "clicked")):
        assert all(at[earlier][message] < ts for message, ts in at[later].items())


def test_who_unsubscribed_gets_no_further_email(by_type):
    left = {
        r["customer_id"]: r["ts"]
        for r in by_type["message_unsubscribed"]
        if r["channel"] == "email"
    }
    sent = [
        r for r in by_type["message_sent"] if r["channel"] == "email" and r["customer_id"] in left
    ]
    assert all(row["ts"] < left[row["customer_id"]] for row in sent)


def test_a_subscription_is_started_once_and_renewed_at_its_term(by_type):
    ends = {
        r["properties"]["subscription_id"]: r["properties"]["term_end"]
        for r in by_type["subscription_started"]
    }
    assert len(ends) == len(by_type["subscription_started"])
    for row in by_type["subscription_renewed"]:
        assert ends[row["properties"]["subscription_id"]] == row["ts"].strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
        ends[row["properties"]["subscription_id"]] = row["properties"]["term_end"]


def test_a_tier_follows_from_the_one_before(by_type):
    assert {
        (r["properties"]["previous_tier"], r["properties"]["tier"]) for r in by_type["tier_changed"]
    } == {
        ("basic", "silver"),
        ("silver", "gold"),
    }


def test_scores_stay_on_their_scale(by_type):
    assert {row["properties"]["score"] for row in by_type["review_submitted"]} <= set(range(1, 6))
    assert {row["properties"]["score"] for row in by_type["nps_submitted"]} <= set(range(11))
    assert all(-1 <= row["properties"]["sentiment"] <= 1 for row in by_type["ticket_opened"])


def test_truth_has_one_row_per_customer(block):
    assert block.truth.num_rows == 600
    assert len(set(block.truth["customer_id"].to_pylist())) == 600


def test_campaign_truth_has_one_row_per_assignment(block, by_type):
    table = block.campaign_truth.select(["customer_id", "campaign_id", "treated"])
    truth = {tuple(row.values()) for row in table.to_pylist()}
    seen = {
        (
            r["customer_id"],
            r["properties"]["campaign_id"],
            r["properties"]["variant"] == "treatment",
        )
        for r in by_type["experiment_viewed"]
    }
    assert truth == seen


def test_campaign_truth_holds_probabilities(block):
    for name in ("control_probability", "treated_probability"):
        column = block.campaign_truth[name].to_numpy()
        assert ((column >= 0) & (column <= 1)).all()


def test_the_schema_of_truth_has_no_null_where_there_is_an_answer(block):
    nulls = {name for name in block.truth.column_names if block.truth[name].null_count}
    assert nulls == {"churned_at"}
    assert isinstance(block.truth, pa.Table)
