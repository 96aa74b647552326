"""Ranking: worth in terms, the best first, and the rule that removed each loser."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.columns import READ_TIME
from retain.decisions import catalogues
from retain.decisions.caps import Contact, ContactState
from retain.decisions.context import Context
from retain.decisions.ranking import Ranker
from retain.features.catalogue import FEATURES
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.settings import PROJECT_CONFIG
from tests.catalogues import NOW, action, catalogue, customers

DEFAULT = catalogues.load(PROJECT_CONFIG / "actions.yaml")


def rank(catalogue, *rows, context=None, response=None):
    ids = [str(number) for number in range(len(rows))]
    return Ranker(catalogue, response).rank(customers(*rows), ids, now=NOW, context=context)


def removed_by(catalogue, row, action_id, context=None, state=None):
    candidates = rank(catalogue, row, context=context).candidates(0, state)
    return {each.action.id: each.removed_by for each in candidates}[action_id]


def test_the_score_is_uplift_times_value_times_margin_less_costs_times_lever():
    cat = catalogue(
        action(
            "offer",
            contact_cost=0.5,
            lever=2,
            treatments=[{"name": "c", "discount": 0.1, "reward": 1}],
        )
    )
    best = rank(cat, {"average_order_value": 10.0}).best(0)
    assert best.terms.redemption_cost == pytest.approx(0.2 * (0.1 * 10 + 1))
    assert best.terms.expected_value == pytest.approx((0.1 * 100 * 0.5 - 0.5 - 0.4) * 2)
    assert best.terms.basis == "prior"
    assert best.as_action()["score"] == best.terms.expected_value
    assert best.as_action()["propensity"] == 1.0


def test_the_better_action_comes_first_and_nothing_last():
    cat = catalogue(action("good"), action("better", lever=1.5))
    assert [each.action.id for each in rank(cat, {}).candidates(0)] == ["better", "good", "none"]


def test_the_treatment_that_pays_is_chosen():
    cat = catalogue(
        action(
            "offer",
            treatments=[{"name": "plain"}, {"name": "deep", "discount": 0.9, "strength": 1.1}],
        )
    )
    assert rank(cat, {"average_order_value": 1000.0}).best(0).treatment.name == "plain"
    assert rank(cat, {"average_order_value": 0.1}).best(0).treatment.name == "deep"


def test_what_does_not_pay_loses_to_doing_nothing():
    cat = catalogue(action("call", contact_cost=50))
    assert rank(cat, {}).best(0).action.id == "none"
    assert removed_by(cat, {}, "call") == "not_worth_it"


def test_an_action_of_unknown_value_is_not_guessed():
    cat = catalogue(action("offer", value="ltv_value"))
    assert removed_by(cat, {}, "offer") == "value_unknown"


@pytest.mark.parametrize(
    ("fields", "row", "rule"),
    [
        ({}, {"withdrawn_channels": ["email"]}, "consent_channel"),
        ({}, {"withdrawn_purposes": ["marketing"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["cross_sell"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["Cross-Sell"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["cross sell"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["e-mail"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["sms"]}, None),
        ({}, {"withdrawn_purposes": ["all"]}, "consent_purpose"),
        ({}, {"withdrawn_purposes": ["profiling"]}, "consent_profiling"),
        ({"consent": "service"}, {"withdrawn_purposes": ["marketing"]}, None),
        ({"transactional": True}, {"withdrawn_purposes": ["profiling", "marketing"]}, None),
        ({"transactional": True}, {"withdrawn_channels": ["email"]}, "consent_channel"),
        ({}, {"unsubscribed": 1.0}, "unsubscribed"),
        ({"consent": "service"}, {"unsubscribed": 1.0}, None),
        ({}, {"reachable_channels": ["push"]}, "not_reachable"),
        ({}, {"reachable_channels": []}, None),
        ({"channel": "push"}, {"reachable_channels": []}, "not_reachable"),
        ({"channel": "push"}, {"reachable_channels": ["push"]}, None),
        ({"stages": ["loyalty"]}, {"stage": "use"}, "stage"),
        ({"stages": ["loyalty"]}, {"stage": "loyalty"}, None),
        ({"stages": ["loyalty"]}, {}, "stage"),
        ({"eligibility": ["rich"]}, {"net_spend_365d": 1.0}, "rich"),
        ({"eligibility": ["rich"]}, {"net_spend_365d": 1000.0}, None),
        ({"channel": "web"}, {}, "context_channel"),
        ({"channel": "in_app"}, {}, "context_channel"),
    ],
)
def test_the_rule_that_removes_an_action_is_named(fields, row, rule):
    cat = catalogue(
        action("a", **fields), rules={"rich": {"when": "net_spend_365d > 500", "says": "rich"}}
    )
    assert removed_by(cat, row, "a") == rule
    assert removed_by(cat, row, "none") is None


def test_what_is_shown_live_needs_the_customer_there():
    cat = catalogue(
        action("banner", channel="web"), action("card", channel="in_app"), action("mail")
    )
    web, app = Context(channel="web", page="cart"), Context(channel="app")
    assert removed_by(cat, {}, "banner", web) is None
    assert removed_by(cat, {}, "card", web) == "context_channel"
    assert removed_by(cat, {}, "card", app) is None
    assert removed_by(cat, {}, "mail", app) is None


def test_rules_read_the_context():
    cat = catalogue(
        action("a", eligibility=["at_cart"]),
        rules={"at_cart": {"when": "context_page == 'cart'", "says": "at the cart"}},
    )
    assert removed_by(cat, {}, "a", Context(page="cart")) is None
    assert removed_by(cat, {}, "a") == "at_cart"


def test_a_context_is_logged_as_it_was_given():
    seoul = datetime.fromisoformat("2026-11-21T21:00:00+09:00")
    assert Context(page="cart", local_time=seoul).as_json() == {
        "page": "cart",
        "local_time": "2026-11-21T21:00:00+09:00",
    }


def test_a_cap_removes_the_best_and_the_next_moves_up():
    cat = catalogue(action("best", lever=2, cap={"limit": 1, "days": 7}), action("next"))
    state = ContactState((Contact(NOW - timedelta(days=1), "email", "best"),))
    ranking = rank(cat, {})
    assert ranking.best(0).action.id == "best"
    assert ranking.best(0, state).action.id == "next"
    candidates = ranking.candidates(0, state)
    assert [each.action.id for each in candidates] == ["next", "none", "best"]
    assert candidates[-1].removed_by == "cap_action"


def test_the_customers_own_limit_of_contacts_is_kept():
    cat = catalogue(action("mail"))
    assert rank(cat, {"max_contacts_per_week": 0.0}).best(0, ContactState()).action.id == "none"


def test_items_come_from_the_first_list_that_has_any():
    cat = catalogue(action("a", items=["open_cart", "last_viewed"]))
    cart = {"open_cart": ["x"], "last_viewed": ["y"]}
    views = {"open_cart": [], "last_viewed": ["y1", "y2", "y3", "y4", "y5", "y6"]}
    ranking = rank(cat, cart, views, {})
    assert [ranking.best(row).items for row in range(3)] == [
        ("x",),
        ("y1", "y2", "y3", "y4", "y5"),
        (),
    ]


def test_an_action_maps_onto_the_fields_of_the_api():
    cat = catalogue(action("a"))
    best = rank(cat, {}).best(0)
    assert list(best.as_action()) == [
        *("action_id", "channel", "treatment", "tone", "content_type", "items"),
        *("send_at", "expires_at", "score", "propensity"),
    ]
    assert best.as_ranked().keys() - best.as_action().keys() == {"terms"}
    assert best.as_action()["expires_at"] == "2026-11-22T12:00:00Z"


class Campaigns:
    """A response model that tried one action on customers with many orders."""

    manifest = Manifest(
        head="response",
        horizon_days=30,
        features=(ModelFeature(name="orders_lifetime"),),
        training=TrainingWindow(as_of=NOW),
    )

    action_ids = ("tried",)

    def response(self, matrix, action_ids):
        treated = np.full((len(matrix), len(action_ids)), np.nan)
        treated[:, action_ids.index("tried")] = 0.1 * matrix[:, 0]
        return treated, treated / 2


def test_a_tried_action_has_the_models_uplift_and_the_others_their_prior():
    cat = catalogue(action("tried"), action("untried"))
    ranking = rank(cat, {"orders_lifetime": 4.0}, response=Campaigns())
    terms = {each.action.id: each.terms for each in ranking.candidates(0)}
    assert (terms["tried"].basis, terms["untried"].basis) == ("model", "prior")
    assert terms["tried"].conversion == pytest.approx(0.4)
    assert terms["tried"].uplift == pytest.approx(0.2)


def test_a_customer_of_whom_nothing_is_known_is_ranked_by_priors():
    ranking = rank(catalogue(action("tried")), {}, response=Campaigns())
    assert ranking.best(0).terms.basis == "prior"
    assert Ranker(DEFAULT).rank({}, ["stranger"], now=NOW).best(0).action.id in DEFAULT.by_id


def default_for(**row):
    counts = {each.name: 0.0 for each in FEATURES if each.null_default == 0}
    return rank(DEFAULT, {**counts, **row}).best(0).action.id


BUYER = {
    "orders_lifetime": 5.0,
    "orders_365d": 5.0,
    "order_recency_days": 40.0,
    "average_order_value": 60.0,
    "cycle_position": 0.5,
    "segment": "loyal_customers",
    "priority": "A",
    "stage": "loyalty",
}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**BUYER, "churn_probability": 0.8, "ltv_value": 400.0}, "winback_offer_email"),
        ({**BUYER, "cycle_position": 1.0}, "replenishment_email"),
        ({**BUYER}, "cross_sell_email"),
        ({**BUYER, "payment_failed_recency_days": 0.1}, "payment_help_email"),
        ({**BUYER, "open_cart": ["x"], "cart_recency_days": 0.5}, "cart_reminder_email"),
        ({**BUYER, "tags": ["unhappy"], "ltv_value": 400.0}, "service_recovery_email"),
        (
            {**BUYER, "tags": ["unhappy"], "ltv_value": 400.0, "reachable_channels": ["call"]},
            "service_recovery_call",
        ),
        (
            {
                **BUYER,
                "stage": "lapsing",
                "segment": "about_to_sleep",
                "priority": "B",
                "cycle_position": 3.0,
                "reachable_channels": ["push"],
            },
            "reengagement_push",
        ),
        (
            {
                **BUYER,
                "orders_lifetime": 1.0,
                "order_recency_days": 6.0,
                "m": 5.0,
                "ltv_value": 900.0,
                "reachable_channels": ["call", "email"],
                "stage": "purchase",
            },
            "vip_welcome_call",
        ),
        ({**BUYER, "order_recency_days": 200.0, "stage": "lapsing"}, "reengagement_email"),
        ({**BUYER, "order_recency_days": 2.0, "stage": "purchase"}, "post_purchase_email"),
        (
            {**BUYER, "last_score": 10.0, "ltv_value": 900.0, "order_recency_days": 70.0},
            "referral_email",
        ),
        (
            {
                "product_views_30d": 8.0,
                "last_viewed": ["a"],
                "visit_recency_days": 1.0,
                "stage": "use",
            },
            "category_guide_email",
        ),
        ({"stage": "awareness"}, "first_order_email"),
        ({**BUYER, "stage": "lapsed", "cycle_position": 9.0, "priority": "C"}, "none"),
    ],
)
def test_the_default_catalogue_does_what_the_field_does(row, expected):
    assert default_for(**row) == expected


numbers = st.sampled_from([np.nan, 0.0, 0.5, 1.0, 3.0, 20.0, 200.0])
READ = {name for rule in DEFAULT.rules.values() for name in rule.columns} | {"unsubscribed"}
anybody = st.fixed_dictionaries(
    {
        "withdrawn_channels": st.sampled_from([[], ["email"], ["email", "push", "call", "sms"]]),
        "withdrawn_purposes": st.sampled_from([[], [], ["marketing"], ["all"]]),
        "stage": st.sampled_from(["use", "loyalty", "lapsing", "awareness"]),
        "segment": st.sampled_from(["champions", "at_risk", "prospect"]),
        "churn_probability": numbers,
        "ltv_value": numbers,
        **{name: numbers for name in sorted(READ) if READ_TIME.get(name) == "number"},
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(anybody, min_size=1, max_size=4))
def test_any_customer_gets_one_allowed_action_and_the_same_alone_or_among_others(rows):
    together = rank(DEFAULT, *rows)
    for number, row in enumerate(rows):
        best, candidates = together.best(number), together.candidates(number)
        assert candidates[0] == best == rank(DEFAULT, row).best(0)
        assert best.action.channel not in row["withdrawn_channels"]
        assert len(candidates) == len(DEFAULT.actions)
        kept = [each.terms.expected_value for each in candidates if each.removed_by is None]
        assert kept == sorted(kept, reverse=True)
        assert kept[-1] == 0.0
        assert best.send_at >= NOW
