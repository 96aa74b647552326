from datetime import timedelta

from retain.event import to_table
from retain.quality import customers, thresholds
from retain.quality.event_source import opened
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, event

LIMITS = thresholds.load(PROJECT_CONFIG).customers
YESTERDAY = AS_OF - timedelta(days=1)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def order(number, customer_id, total=20.0, quantity=1.0, at=YESTERDAY, **common):
    lines = [{"product_id": "P1", "quantity": quantity, "price": total / quantity}]
    given = {"order_id": f"o{number}", "total": total, "currency": "GBP", "lines": lines}
    return event(number, "order_completed", at, customer_id, given, **common)


def shop(*more):
    """Three hundred customers with an order and a view each, and ``more``."""
    usual = []
    for n in range(300):
        usual += [
            order(n, f"c{n}", total=10.0 + n % 50),
            event(n, "page_viewed", YESTERDAY, f"c{n}"),
        ]
    return [*usual, *more]


def views(count, customer_id="robot", gap=MINUTE, at=YESTERDAY, **common):
    return [
        event(50_000 + n, "product_viewed", at + n * gap, customer_id, **common)
        for n in range(count)
    ]


def flagged(events):
    with opened(to_table(events), AS_OF, days=LIMITS.days) as source:
        return {(f.customer_id, f.reason) for f in customers.flags(source, LIMITS)}


def test_usual_customers_are_not_flagged():
    assert flagged(shop()) == set()


def test_hundreds_of_views_a_day_without_an_order_are_a_bot():
    assert flagged(shop(*views(400))) == {("robot", "bot")}


def test_a_keen_customer_who_orders_is_no_bot():
    assert flagged(shop(*views(400), order(900, "robot"))) == set()


def test_many_events_a_second_through_a_session_are_a_bot():
    quick = views(40, gap=SECOND / 10, session_id="s1")
    assert flagged(shop(*quick)) == {("robot", "fast_session")}


def test_a_session_without_times_is_no_bot():
    assert flagged(shop(*views(40, gap=timedelta(0), session_id="s1"))) == set()


def test_a_customer_who_spends_many_times_the_usual_is_a_bulk_buyer():
    assert flagged(shop(order(900, "wholesaler", 5_000.0))) == {("wholesaler", "bulk_buyer")}


def test_an_order_of_very_many_items_is_a_bulk_order():
    assert flagged(shop(order(900, "wholesaler", 50.0, 80_000.0))) == {("wholesaler", "bulk_buyer")}


def test_large_numbers_of_a_small_currency_are_no_bulk_order():
    given = {"order_id": "o900", "total": 50_000.0, "currency": "KRW"}
    assert flagged(shop(event(900, "order_completed", YESTERDAY, "seoul", given))) == set()


def test_many_orders_on_one_day_are_flagged():
    many = [order(900 + n, "reseller", at=YESTERDAY + n * SECOND) for n in range(25)]
    assert flagged(shop(*many)) == {("reseller", "many_orders")}


def test_payments_that_fail_one_after_the_other_are_card_testing():
    failed = [event(n, "payment_failed", YESTERDAY + n * MINUTE, "thief") for n in range(15)]
    assert flagged(shop(*failed)) == {("thief", "card_testing")}


def test_orders_that_are_all_worth_nothing_are_a_test():
    free = [order(900 + n, "clerk", 0.0, at=YESTERDAY + n * HOUR) for n in range(3)]
    assert flagged(shop(*free)) == {("clerk", "zero_orders")}


def test_a_shop_without_amounts_has_no_test_customers():
    assert flagged([order(n, f"c{n % 20}", 0.0) for n in range(100)]) == set()


def test_test_customers_are_known_by_id_or_source():
    by_id = [
        event(n, "page_viewed", YESTERDAY, name)
        for n, name in enumerate(("Test-7", "load_test", "contest", "latest"))
    ]
    by_source = event(9, "page_viewed", YESTERDAY, "c9000", source="Staging")
    assert flagged(shop(*by_id, by_source)) == {
        ("Test-7", "test_customer"),
        ("load_test", "test_customer"),
        ("c9000", "test_customer"),
    }  # fmt: skip


def test_a_visitor_without_account_can_be_a_bot_and_is_no_customer():
    robot = views(400, None, anonymous_id="a1")
    assert flagged(shop(*robot)) == {("a1", "bot")}
    assert customers.abnormal_customers(to_table(shop(*robot)), AS_OF, LIMITS) == []


def test_flagged_customers_are_named_with_their_reasons():
    events = to_table(shop(*views(400), order(900, "wholesaler", 5_000.0)))
    found = customers.abnormal_customers(events, AS_OF, LIMITS)
    assert {(f.customer_id, f.reason) for f in found} == {
        ("robot", "bot"),
        ("wholesaler", "bulk_buyer"),
    }


def test_what_is_known_later_flags_nobody_earlier():
    events = to_table(shop(*views(400)))
    assert customers.abnormal_customers(events, YESTERDAY - HOUR, LIMITS) == []


def test_a_finding_says_whether_training_leaves_the_customer_out():
    with opened(to_table(shop(*views(400))), AS_OF, days=LIMITS.days) as source:
        (kept,) = customers.findings(source, LIMITS).findings
        (left_out,) = customers.findings(source, LIMITS, ["bot"]).findings
    assert kept.sentence.endswith("kept in training")
    assert left_out.sentence.endswith("left out of training")


def test_a_finding_gives_the_reason_and_the_numbers_and_metrics_give_no_id():
    with opened(to_table(shop(*views(400))), AS_OF, days=LIMITS.days) as source:
        found = customers.findings(source, LIMITS)
    (finding,) = found.findings
    assert (finding.severity, finding.value, finding.threshold) == ("warn", 400.0, 200.0)
    assert "customer robot viewed 400 pages on one day without an order" in finding.sentence
    assert "robot" not in str(found.metrics())


def test_too_many_flagged_customers_are_a_failure_of_the_data():
    clerks = [order(900 + n, f"clerk{n % 30}", 0.0, at=YESTERDAY + n * MINUTE) for n in range(90)]
    with opened(to_table(shop(*clerks)), AS_OF, days=LIMITS.days) as source:
        found = customers.findings(source, LIMITS)
    assert found.worst() == "fail"
    assert found.findings[0].subject == "all customers"
    assert len(found.findings) == LIMITS.named + 1
