"""Recorded reasons for leaving, counted from a log whose every customer is known by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from retain.event import Event, read_event, to_table
from retain.identity_links import Link
from retain.people import People
from retain.reasons import leaving
from retain.reasons.leaving import OTHER
from retain.reasons.recorded import LEAST_CUSTOMERS, Leaving, Recorded

NOW = datetime(2026, 10, 31, tzinfo=UTC)
HORIZON = 90
Row = tuple[str, str, float, dict[str, Any]]


def log(rows: Sequence[Row]) -> pa.Table:
    events = []
    for number, (customer, kind, days_ago, properties) in enumerate(rows):
        at = NOW - timedelta(days=days_ago)
        if kind.startswith("order_"):
            told = {"order_id": f"o{number}", "total": 10, "currency": "GBP"} | properties
        else:
            told = properties
        event = read_event(
            {
                "event_id": f"e{number}",
                "type": kind,
                "customer_id": customer,
                "timestamp": at,
                "channel": "email",
                "properties": told,
            },
            NOW + timedelta(days=400),
        )
        assert isinstance(event, Event), event
        events.append(event)
    return to_table(events)


def ticket(customer: str, days_ago: float, **properties: Any) -> Row:
    return (customer, "ticket_opened", days_ago, {"topic": "price", **properties})


def order(customer: str, days_ago: float) -> Row:
    return (customer, "order_completed", days_ago, {})


def people(count: int) -> list[str]:
    return [f"c{n}" for n in range(count)]


def found(rows: Sequence[Row], **asked: Any) -> Leaving:
    return leaving.find(log(rows), NOW - timedelta(days=300), NOW, HORIZON, **asked)


def one(result: Leaving, kind: str, value: str) -> Recorded:
    (recorded,) = [r for r in result.recorded if (r.kind, r.value) == (kind, value)]
    return recorded


@pytest.fixture
def complaining() -> list[Row]:
    """Eight who ordered, then complained about the price; three of them ordered again."""
    rows = [order(who, 210) for who in people(8)] + [ticket(who, 200) for who in people(8)]
    return rows + [order(who, 150) for who in people(3)]


def test_who_placed_no_order_within_the_horizon_after_a_complaint_has_left(complaining) -> None:
    price = one(found(complaining), "complaint", "price")
    assert (price.mentions, price.customers, price.judged, price.left) == (8, 8, 8, 5)
    assert price.share_left == 5 / 8
    low, high = price.interval
    assert low < 5 / 8 < high


def test_an_order_after_the_horizon_is_no_staying(complaining) -> None:
    late = [*complaining, *(order(who, 200 - HORIZON - 1) for who in people(8))]
    assert one(found(late), "complaint", "price").left == 5
    in_time = [*complaining, *(order(who, 200 - HORIZON) for who in people(8))]
    assert one(found(in_time), "complaint", "price").left == 0


def test_a_complaint_whose_horizon_has_not_passed_is_counted_and_not_judged(complaining) -> None:
    fresh = [*complaining, *(ticket(who, HORIZON - 1, topic="delivery") for who in people(6))]
    delivery = one(found(fresh), "complaint", "delivery")
    assert (delivery.customers, delivery.judged, delivery.interval) == (6, 0, None)


def test_who_had_not_ordered_in_the_year_before_has_not_left_now(complaining) -> None:
    strangers = [ticket(f"s{n}", 200) for n in range(4)]
    price = one(found([*complaining, *strangers]), "complaint", "price")
    assert (price.customers, price.judged) == (12, 8)


def test_nothing_after_the_moment_is_looked_at(complaining) -> None:
    future = [order(who, -1) for who in people(8)]
    future += [ticket(who, -2, topic="quality") for who in people(8)]
    assert found([*complaining, *future]) == found(complaining)


def test_what_few_customers_wrote_is_told_of_nobody(complaining) -> None:
    secret = "my name is Ada Byron and I moved to 12 St James's Square"
    rare = [ticket(f"r{n}", 200, topic=secret) for n in range(LEAST_CUSTOMERS - 1)]
    result = found([*complaining, *rare])
    assert "ada" not in str(result.as_json()).lower()
    assert one(result, "complaint", OTHER).customers == LEAST_CUSTOMERS - 1


def test_a_long_text_is_told_of_nobody_however_many_wrote_it(complaining) -> None:
    text = "all of us were told to write this very long sentence as our complaint"
    result = found([*complaining, *(ticket(f"r{n}", 200, topic=text) for n in range(9))])
    assert one(result, "complaint", OTHER).customers == 9


def test_cancellations_returns_and_competitors_are_counted_apart() -> None:
    rows: list[Row] = [order(who, 210) for who in people(6)]
    cancelled = {"reason": "Competitor ", "competitor": "homenest", "plan": "monthly"}
    rows += [(who, "subscription_cancelled", 200, cancelled) for who in people(6)]
    rows += [(who, "order_refunded", 205, {"reason": "wrong_size"}) for who in people(5)]
    rows += [ticket(who, 201, competitor="homenest", product_id="sku-1") for who in people(5)]
    result = found(rows)
    assert one(result, "cancellation", "competitor").beside == {
        "plan": "monthly (100%)",
        "channel": "email (100%)",
    }
    assert one(result, "return", "wrong_size").customers == 5
    assert one(result, "product", "sku-1").customers == 5
    named = one(result, "competitor", "homenest")
    assert (named.mentions, named.customers) == (11, 6)


def test_a_topic_told_twice_in_one_contact_is_one_mention(complaining) -> None:
    both = [ticket(who, 100, topic="delivery", topics=["delivery", "late"]) for who in people(6)]
    result = found([*complaining, *both])
    assert one(result, "complaint", "delivery").mentions == 6
    assert one(result, "complaint", "late").mentions == 6


def test_customers_who_are_left_out_are_not_counted(complaining) -> None:
    assert one(found(complaining, without={"c7"}), "complaint", "price").customers == 7


def test_a_customer_who_was_merged_is_one_and_their_later_orders_are_theirs(complaining) -> None:
    moment = int((NOW - timedelta(days=290)).timestamp() * 1_000_000)
    link = Link(moment, "l", True, "customer", "c7", "new")
    rows = [*complaining, order("new", 150)]
    apart = one(found(rows), "complaint", "price")
    joined = one(found(rows, people=lambda _: People([link])), "complaint", "price")
    assert (apart.left, joined.left) == (5, 4)


def test_a_log_without_reasons_says_so() -> None:
    result = found([order("c1", 100)])
    assert result.recorded == ()
    assert "Nobody recorded" in result.lines()[0]


def test_the_table_fits_a_screen_and_names_what_it_is_compared_with(complaining) -> None:
    lines = found(complaining, usual_share_left=0.4).lines()
    assert all(len(line) <= 100 for line in lines)
    assert "of all customers 40%" in lines[1]
    assert any("price" in line and "62%" in line for line in lines)
