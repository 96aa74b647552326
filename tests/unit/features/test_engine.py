"""Features at a moment: what they count, what they never see, and until when they hold."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retain.event import Event, read_event, to_table
from retain.features.ageing import aged
from retain.features.catalogue import FEATURES, RATIOS
from retain.features.engine import (
    FEATURE_SCHEMA,
    VIEWS,
    FeatureEngine,
    keys_of,
    valid_until_name,
)

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def event(kind: str, days_ago: float, customer: str = "ada", **properties: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=days_ago)
    return {"type": kind, "customer_id": customer, "timestamp": at, "properties": properties}


def order(days_ago: float, total: float = 10.0, **more: Any) -> dict[str, Any]:
    customer = more.pop("customer", "ada")
    return event(
        "order_completed", days_ago, customer, order_id="o", total=total, currency="GBP", **more
    )


def log(*records: dict[str, Any]) -> pa.Table:
    events = [
        read_event({"event_id": f"e{number:04}", **record}, NOW + 400 * DAY)
        for number, record in enumerate(records)
    ]
    assert all(isinstance(e, Event) for e in events), events
    return to_table(events)


def table(
    events: pa.Table, as_of: datetime = NOW, customers: tuple[str, ...] = ("ada",)
) -> pa.Table:
    with FeatureEngine(events) as engine:
        return engine.table(keys_of(customers, as_of))


def features(*records: dict[str, Any], as_of: datetime = NOW) -> dict[str, Any]:
    return {name: column[0] for name, column in aged(table(log(*records), as_of)).items()}


def test_at_least_forty_features_are_declared_with_a_meaning_and_a_unit() -> None:
    assert len(FEATURES) + len(RATIOS) >= 40
    assert all(f.meaning and f.unit for f in FEATURES)
    assert len({f.name for f in FEATURES}) == len(FEATURES)
    assert {f.relation for f in FEATURES} == set(VIEWS)


def test_recency_counts_from_the_last_order_and_not_from_a_return() -> None:
    found = features(order(40), order(10), event("order_refunded", 2, total=5))
    assert found["order_recency_days"] == 10
    assert found["customer_age_days"] == 40


def test_a_refund_lowers_net_spend_and_raises_the_return_rate() -> None:
    found = features(order(20, 100), event("order_refunded", 5, total=25))
    assert found["net_spend_30d"] == 75
    assert found["return_rate"] == 0.25
    assert found["average_order_value"] == 100


def test_a_window_is_open_at_its_far_edge_and_closed_at_its_near_one() -> None:
    assert features(order(30))["orders_30d"] == 0
    assert features(order(30 - 1e-6))["orders_30d"] == 1
    assert features(order(0))["orders_30d"] == 1


def test_cycle_position_is_recency_in_units_of_the_usual_gap() -> None:
    found = features(order(40), order(30), order(20))
    assert found["order_gap_mean_days"] == 10
    assert found["order_gap_sd_days"] == 0
    assert found["cycle_position"] == 2


def test_one_order_has_no_gap_and_no_cycle() -> None:
    found = features(order(5))
    assert math.isnan(found["order_gap_mean_days"])
    assert math.isnan(found["cycle_position"])


def test_the_open_cart_holds_what_was_added_after_the_last_order_and_not_removed() -> None:
    found = features(
        event("product_added", 9, product_id="before"),
        order(8),
        event("product_added", 3, product_id="kept"),
        event("product_added", 2, product_id="gone"),
        event("product_removed", 1, product_id="gone"),
    )
    assert found["open_cart"] == ["kept"]


def test_a_consent_withdrawn_for_a_channel_and_given_again_is_not_withdrawn() -> None:
    withdrawn = event("consent_withdrawn", 5) | {"channel": "email"}
    given_again = event("consent_given", 1) | {"channel": "email"}
    assert features(withdrawn)["withdrawn_channels"] == ["email"]
    assert features(withdrawn, given_again)["withdrawn_channels"] == []


def test_a_consent_withdrawn_for_a_purpose_says_so() -> None:
    assert features(event("consent_withdrawn", 5, purpose="profiling"))["withdrawn_purposes"] == [
        "profiling"
    ]


def test_a_session_that_ends_on_its_first_page_is_an_exit() -> None:
    found = features(
        event("page_viewed", 5), event("page_viewed", 3), event("page_viewed", 3 - 0.001)
    )
    assert found["sessions_30d"] == 2
    assert found["exit_rate"] == 0.5


def test_the_profile_is_the_one_known_at_the_moment() -> None:
    records = [event("profile_updated", 9, country="UK"), event("profile_updated", 1, country="FR")]
    assert features(*records)["country"] == "FR"
    assert features(*records, as_of=NOW - 5 * DAY)["country"] == "UK"


def test_days_to_term_end_turn_negative_after_the_term() -> None:
    end = (NOW + 3 * DAY).isoformat()
    record = event("subscription_started", 30, plan="plus", term_end=end)
    assert features(record)["days_to_term_end"] == 3
    assert features(record, as_of=NOW + 5 * DAY)["days_to_term_end"] == -2
    assert features(record)["subscription_active"] == 1


def test_a_customer_who_does_nothing_still_grows_older_when_the_row_is_read_later() -> None:
    stored = table(log(order(10)))
    later = pa.array([NOW + 5 * DAY], FEATURE_SCHEMA.field("as_of").type)
    read_later = stored.set_column(1, FEATURE_SCHEMA.field("as_of"), later)
    assert aged(read_later)["order_recency_days"][0] == 15


def test_a_stored_row_says_when_the_next_window_edge_passes_one_of_its_events() -> None:
    stored = table(log(order(10)))
    expiry = stored.column(valid_until_name("orders"))[0].as_py()
    assert expiry == int((NOW + 20 * DAY).timestamp() * 1_000_000)


def test_customers_within_a_year_are_those_with_an_order_in_it() -> None:
    events = log(
        order(400, customer="old"), order(5, customer="new"), event("page_viewed", 1, "eve")
    )
    with FeatureEngine(events) as engine:
        everyone = engine.customers(NOW).column("customer_id").to_pylist()
        recent = engine.customers(NOW, ordered_within_days=365).column("customer_id").to_pylist()
    assert everyone == ["eve", "new", "old"]
    assert recent == ["new"]


def test_a_ticket_is_open_until_it_is_closed_and_again_once_it_is_opened_again() -> None:
    opened, closed = "ticket_opened", "ticket_closed"
    records = [event(opened, 9, ticket_id="a"), event(opened, 8, ticket_id="b")]
    assert features(*records)["open_tickets"] == 2
    assert features(*records, event(closed, 7, ticket_id="a"))["open_tickets"] == 1
    # a ticket that was opened before the log began closes none of those
    assert features(*records, event(closed, 7, ticket_id="older"))["open_tickets"] == 2
    again = [event(closed, 7, ticket_id="a"), event(opened, 6, ticket_id="a")]
    assert features(*records, *again)["open_tickets"] == 2
    at_once = [event(opened, 5, ticket_id="c"), event(closed, 5, ticket_id="c")]
    assert features(*records, *at_once)["open_tickets"] == 2


def test_tickets_without_an_id_are_closed_by_any_closing_without_one() -> None:
    records = [event("ticket_opened", 9), event("ticket_opened", 8), event("ticket_closed", 7)]
    assert features(*records)["open_tickets"] == 1


def test_an_order_line_without_a_product_names_no_product() -> None:
    lines = [{"category": "bags", "quantity": 1, "price": 5}, {"product_id": "p", "price": 3}]
    found = features(order(5, lines=lines))
    assert found["last_products"] == found["top_products"] == ["p"]
    assert found["new_product_share"] == 1


KINDS = st.sampled_from(
    [
        "order_completed",
        "order_refunded",
        "page_viewed",
        "product_viewed",
        "product_added",
        "message_sent",
        "message_opened",
        "ticket_opened",
        "review_submitted",
        "consent_withdrawn",
    ]
)
PROPERTIES: dict[str, dict[str, Any]] = {
    "order_completed": {
        "order_id": "o",
        "lines": [{"product_id": "p", "category": "c", "quantity": 3, "price": 3.33}],
    },
    "order_refunded": {"total": 0.1},
    "product_viewed": {"product_id": "v"},
    "product_added": {"product_id": "p"},
    "review_submitted": {"score": 4, "sentiment": 0.1},
}
RECORDS = st.lists(
    st.builds(
        lambda kind, minutes, customer: event(
            kind, minutes / 1440, customer, **PROPERTIES.get(kind, {})
        ),
        KINDS,
        st.integers(0, 200 * 1440),
        st.sampled_from(["ada", "bob", "eve"]),
    ),
    min_size=1,
    max_size=25,
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def equal(left: pa.Table, right: pa.Table) -> bool:
    return bool(left.combine_chunks().equals(right.combine_chunks()))


@FEW
@given(RECORDS, st.integers(0, 199))
def test_a_later_event_never_changes_a_feature(
    records: list[dict[str, Any]], days_ago: int
) -> None:
    moment = NOW - days_ago * DAY
    past = [r for r in records if r["timestamp"] <= moment]
    named = [{"event_id": f"n{i}", **r} for i, r in enumerate(records)]
    known = [{"event_id": f"n{i}", **r} for i, r in enumerate(records) if r in past]
    everyone = ("ada", "bob", "eve")
    if known:
        assert equal(table(log(*named), moment, everyone), table(log(*known), moment, everyone))


@FEW
@given(RECORDS, st.randoms())
def test_a_customer_alone_has_the_same_features_as_among_others_in_any_order(
    records: list[dict[str, Any]], random: Any
) -> None:
    named = [{"event_id": f"n{i}", **r} for i, r in enumerate(records)]
    alone = [r for r in named if r["customer_id"] == "ada"]
    random.shuffle(named)
    if alone:
        assert equal(table(log(*named)), table(log(*alone)))


@FEW
@given(RECORDS, st.integers(0, 60 * 24))
def test_a_stored_row_that_still_holds_reads_as_if_computed_at_the_moment(
    records: list[dict[str, Any]], hours: int
) -> None:
    events, later = log(*records), NOW + timedelta(hours=hours)
    stored, fresh = table(events), table(events, later)
    micros = int(later.timestamp() * 1_000_000)
    expiries = [stored.column(valid_until_name(view))[0].as_py() for view in VIEWS]
    if any(expiry is not None and micros >= expiry for expiry in expiries):
        return
    moment = FEATURE_SCHEMA.field("as_of")
    reread = stored.set_column(1, moment, pa.array([later], moment.type))
    for feature in FEATURES:
        assert reread.column(feature.stored_name) == fresh.column(feature.stored_name), feature.name


def test_an_order_told_twice_within_a_day_is_one_order_and_a_number_used_again_later_is_not() -> (
    None
):
    lines = [{"product_id": "p", "quantity": 1, "price": 10}]
    twice = features(order(5, lines=lines), order(5 - 0.01, lines=lines))
    assert (twice["orders_lifetime"], twice["net_spend_lifetime"], twice["items_per_order"]) == (
        1,
        10,
        1,
    )
    assert features(order(40), order(5))["orders_lifetime"] == 2


def test_amounts_are_in_the_currency_of_the_orders_whatever_the_profile_says() -> None:
    profile = event("profile_updated", 1, currency="JPY")
    assert features(order(5), profile)["currency"] == "GBP"
    assert features(profile)["currency"] == "JPY"


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@FEW
@given(NUMBERS, NUMBERS, NUMBERS)
def test_whatever_number_the_door_accepts_the_features_can_be_computed(
    total: float, quantity: float, sentiment: float
) -> None:
    lines = [{"product_id": "p", "quantity": quantity, "price": total}]
    records = [
        event("order_completed", 3, order_id="a", total=total),
        event("order_completed", 5, order_id="b", lines=lines),
        event("review_submitted", 2, sentiment=sentiment, score=total),
    ]
    read = [read_event({"event_id": str(i), **record}, NOW) for i, record in enumerate(records)]
    accepted = [one for one in read if isinstance(one, Event)]
    if accepted:
        assert table(to_table(accepted)).num_rows == 1


def test_an_amount_beyond_any_shop_is_set_aside_at_the_door() -> None:
    found = read_event(event("order_completed", 3, order_id="a", total=1e15), NOW)
    assert not isinstance(found, Event)
    assert found.reason == "invalid_property"


def test_what_was_bought_is_listed_with_how_often_and_when_last() -> None:
    def of(product: str, category: str | None = None) -> dict[str, Any]:
        return {"product_id": product, "category": category, "quantity": 1, "price": 2}

    found = features(
        order(9, lines=[of("p 1", "tea"), of("q", "toys")]),
        order(2, lines=[of("p 1", "tea"), of("r")]),
    )
    assert found["bought_products"] == ["2 2024-02-28 p 1", "1 2024-02-28 r", "1 2024-02-21 q"]
    assert found["bought_categories"] == ["2 2024-02-28 tea", "1 2024-02-21 toys"]
