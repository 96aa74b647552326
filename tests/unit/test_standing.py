import numpy as np
import pytest

from retain import standing


def columns(**values):
    names = (
        "order_recency_days",
        "visit_recency_days",
        "orders_lifetime",
        "days_to_term_end",
        "subscription_active",
    )
    return {name: np.array([values.get(name, np.nan)], dtype=np.float64) for name in names}


def test_silence_is_counted_from_the_last_order_visit_or_the_end_of_the_term():
    one = columns(order_recency_days=40, visit_recency_days=3, days_to_term_end=12)
    silent = {label: standing.inactivity_days(label, one)[0] for label in standing.CHURN_LABELS}
    assert silent == {"no_order": 40, "no_activity": 3, "subscription_not_renewed": -12}


def test_a_visitor_has_not_left_who_ordered_long_ago_where_leaving_is_no_activity():
    one = columns(order_recency_days=200, visit_recency_days=3, orders_lifetime=1)
    assert standing.has_left("no_order", one, 90)[0]
    assert not standing.has_left("no_activity", one, 90)[0]


@pytest.mark.parametrize(
    ("term", "active", "left"),
    [
        (10, 1, False),
        (-3, 1, False),
        (-7, 1, False),
        (-8, 1, True),
        (10, 0, True),
        (np.nan, 1, False),
    ],
)
def test_a_subscription_runs_to_its_term_and_some_days_of_grace(term, active, left):
    one = columns(days_to_term_end=term, subscription_active=active)
    assert standing.is_known("subscription_not_renewed", one)[0]
    assert standing.has_left("subscription_not_renewed", one, standing.GRACE_DAYS)[0] == left


def test_who_never_subscribed_can_neither_stay_nor_leave():
    one = columns(orders_lifetime=5, order_recency_days=2, subscription_active=0)
    assert not standing.is_known("subscription_not_renewed", one)[0]
    assert not standing.has_left("subscription_not_renewed", one, 7)[0]
    assert standing.is_known("no_order", one)[0]


def test_who_never_ordered_is_not_known_to_a_shop():
    assert not standing.is_known("no_activity", columns(visit_recency_days=1, orders_lifetime=0))[0]


@pytest.mark.parametrize("label", standing.CHURN_LABELS)
def test_every_label_reads_as_a_sentence(label):
    words = standing.wording(label)
    assert words.label[0].islower()
    assert "{days}" in words.population or label == "subscription_not_renewed"
