"""Eligibility: rules asked in their order, goals that are reached, channels in any spelling."""

import pytest

from retain.decisions.context import Context
from retain.decisions.eligibility import Eligibility
from tests.catalogues import action, catalogue, customers

RULES = {
    "rich": {"when": "net_spend_365d > 500", "says": "spends much"},
    "due": {"when": "order_recency_days > 30", "says": "has waited"},
    "well": {"when": "not open_tickets > 0", "says": "has no ticket open"},
}
CATALOGUE = catalogue(
    action(
        "offer",
        eligibility=["rich"],
        applicability=["due"],
        suitability=["well"],
        withdrawn_by=["due", "order_completed"],
    ),
    action("care", suitability=["well"], withdrawn_by=["due"]),
    rules=RULES,
)


def removed(**row):
    rows = Eligibility(CATALOGUE).removed_by(customers(row, row), 2, Context())
    assert rows[0].tolist() == rows[1].tolist()
    return dict(zip((each.id for each in CATALOGUE.actions), rows[0], strict=True))


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({}, "rich"),
        ({"net_spend_365d": 900.0}, "due"),
        ({"net_spend_365d": 900.0, "order_recency_days": 40.0, "open_tickets": 1.0}, "well"),
        ({"net_spend_365d": 900.0, "order_recency_days": 40.0}, "goal_reached"),
    ],
)
def test_eligibility_applicability_suitability_and_goals_are_asked_in_this_order(row, rule):
    assert removed(**row)["offer"] == rule


def test_a_goal_that_is_not_reached_removes_nothing():
    assert removed(order_recency_days=3.0)["care"] is None
    assert removed(order_recency_days=31.0)["care"] == "goal_reached"


@pytest.mark.parametrize("spelling", ["email", "Email", "E-Mail"])
def test_a_withdrawn_or_reachable_channel_counts_in_any_spelling(spelling):
    assert removed(withdrawn_channels=[spelling])["care"] == "consent_channel"
    assert removed(reachable_channels=[spelling])["care"] is None
    assert removed(reachable_channels=["push"])["care"] == "not_reachable"
