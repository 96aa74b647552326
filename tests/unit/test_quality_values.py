from datetime import timedelta

import pytest

from retain.event import to_table
from retain.quality import prices, thresholds, values
from retain.quality.event_source import opened
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, event, steady

LIMITS = thresholds.load(PROJECT_CONFIG).values
DAYS = LIMITS.recent_days + LIMITS.past_days
RECENT = AS_OF - timedelta(days=LIMITS.recent_days)
LINE = {"product_id": "P1", "quantity": 2, "price": 5.0}


def orders(**recent):
    """Ten orders a day; ``recent`` replaces properties in the last week (None: left out)."""
    made = []
    for n, each in enumerate(steady("order_completed", per_day=10, days=63)):
        given = {"order_id": f"o{n}", "total": 10.0, "currency": "GBP", "lines": [LINE]}
        if each.ts > RECENT:
            given = {k: v for k, v in (given | recent).items() if v is not None}
        made.append(event(n, each.type, each.ts, each.customer_id, given))
    return made


def judged(events):
    with opened(to_table(events), AS_OF, days=DAYS) as source:
        return values.findings(source, LIMITS) + prices.findings(source, LIMITS)


def summary(events):
    return [(f.severity, f.check, f.subject) for f in judged(events).findings]


def test_usual_orders_are_ok():
    assert summary(orders()) == []


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        ({"lines": None}, ("fail", "property", "order_completed.lines")),
        ({"currency": None}, ("fail", "property", "order_completed.currency")),
        ({"total": 0}, ("fail", "zero_total", "order_completed.total")),
        ({"total": -5.0}, ("fail", "negative", "order_completed.total")),
        ({"total": 5_000.0}, ("warn", "extreme", "order_completed.total")),
        ({"order_id": "same"}, ("fail", "repeated_order", "order_completed.order_id")),
        ({"lines": [LINE | {"price": 0}]}, ("fail", "zero_price", "order_completed.lines.price")),
        ({"lines": [LINE | {"quantity": -2}]}, ("fail", "negative", "order_completed.lines")),
        ({"lines": [LINE | {"quantity": 900}]}, ("warn", "extreme", "order_completed.lines.quantity")),
        ({"lines": [LINE | {"price": 10.0}]}, ("warn", "price", "P1")),
    ],
)  # fmt: skip
def test_a_fault_of_the_last_week_is_named(recent, expected):
    assert summary(orders(**recent)) == [expected]


def test_a_shop_that_never_sent_amounts_is_warned_not_failed():
    always = [
        event(n, e.type, e.ts, e.customer_id, {"order_id": f"o{n}", "total": 0, "lines": []})
        for n, e in enumerate(steady("order_completed", per_day=10, days=63))
    ]
    assert summary(always) == [("warn", "zero_total", "order_completed.total")]


def test_a_clock_that_runs_ahead_is_found():
    ahead = [
        event(n, e.type, e.ts, e.customer_id, received_at=e.ts - timedelta(hours=9))
        for n, e in enumerate(steady(days=63))
    ]
    assert ("warn", "future", "ts") in summary(ahead)


def test_prices_that_all_changed_at_once_are_a_failure():
    events = []
    for product in range(12):
        for n, e in enumerate(steady("product_viewed", per_day=4, days=63)):
            price = 1_000.0 if e.ts > RECENT else 10.0
            shown = {"product_id": f"P{product}", "price": price, "currency": "GBP"}
            events.append(event(n + 1_000 * product, e.type, e.ts, e.customer_id, shown))
    assert ("fail", "price", "all products") in summary(events)


def test_another_currency_is_another_price():
    events = []
    for n, e in enumerate(steady("product_viewed", per_day=8, days=63)):
        price, currency = (9_000.0, "KRW") if e.ts > RECENT else (5.0, "GBP")
        shown = {"product_id": "P1", "price": price, "currency": currency}
        events.append(event(n, e.type, e.ts, e.customer_id, shown))
    assert summary(events) == []


def test_null_rates_of_declared_properties_are_metrics():
    half = [
        event(n, e.type, e.ts, e.customer_id, {"query": "tea"} if n % 2 else {})
        for n, e in enumerate(steady("searched", days=63))
    ]
    rates = {
        m.labels["property"]: m.value
        for m in judged(half).samples
        if m.name == "retain_property_null_rate"
    }
    assert rates == {"query": pytest.approx(0.5, abs=0.01)}


def test_few_events_warn_and_do_not_fail():
    few = [e for e in orders(total=0) if e.ts > AS_OF - timedelta(days=2)]
    assert summary(few) == [("warn", "zero_total", "order_completed.total")]
