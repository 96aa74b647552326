"""The moment of a request: typed, read by rules and models, and the time zone it tells."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from pydantic import ValidationError

from retain.columns import CONTEXT
from retain.decisions import catalogues, strangers
from retain.decisions.context import Context, Place, Session
from retain.decisions.ranking import Ranker
from retain.errors import InvalidInput
from retain.items.popular import Popular
from retain.settings import PROJECT_CONFIG
from retain.stock import StockState
from services.schemas.ranking import RankRequest
from tests.catalogues import NOW, action, catalogue, customers

DEFAULT = catalogues.load(PROJECT_CONFIG / "actions.yaml")


def request(**context):
    return RankRequest.model_validate({"customer_id": "c", "context": context}).context.moment()


def test_every_part_of_a_request_is_a_column_that_rules_read():
    moment = request(
        channel="web",
        device="mobile",
        page="product",
        place={"country": "KR", "region": "Seoul", "store": "s1"},
        session={
            "source": "search", "views": 3, "searches": 1, "seconds": 90.5,
            "cart_items": 2, "cart_value": 40,
        },
        local_time="2026-11-21T21:30:00+09:00",
    )  # fmt: skip
    columns = {name: column[0] for name, column in moment.columns(1).items()}
    assert columns == {
        "context_channel": "web",
        "context_device": "mobile",
        "context_page": "product",
        "context_country": "KR",
        "context_region": "Seoul",
        "context_store": "s1",
        "context_source": "search",
        "context_views": 3.0,
        "context_searches": 1.0,
        "context_seconds": 90.5,
        "context_cart_items": 2.0,
        "context_cart_value": 40.0,
        "context_hour": 21.0,
        "context_weekday": 6.0,
    }
    assert columns.keys() == CONTEXT.keys()
    assert moment.as_json() == {
        "channel": "web",
        "device": "mobile",
        "page": "product",
        "place": {"country": "KR", "region": "Seoul", "store": "s1"},
        "session": {
            "source": "search", "views": 3, "searches": 1, "seconds": 90.5,
            "cart_items": 2, "cart_value": 40.0,
        },
        "local_time": "2026-11-21T21:30:00+09:00",
    }  # fmt: skip


@pytest.mark.parametrize("rows", [1, 3])
def test_of_a_moment_of_which_nothing_is_told_everything_is_missing(rows):
    for name, column in Context().columns(rows).items():
        assert len(column) == rows
        if CONTEXT[name] == "number":
            assert np.isnan(column).all()
        else:
            assert column.tolist() == [None] * rows


@pytest.mark.parametrize(
    "context",
    [
        {"device": "toaster"},
        {"page": "moon"},
        {"channel": "pigeon"},
        {"place": {"country": "Korea"}},
        {"session": {"views": -1}},
        {"session": {"views": 1.5}},
        {"session": {"cart_value": "much"}},
        {"session": {"mood": "good"}},
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(context):
    with pytest.raises(ValidationError):
        request(**context)


@pytest.mark.parametrize(
    ("local", "hours"),
    [
        ("2026-11-21T21:00:00+09:00", 9),
        ("2026-11-21T21:03:00", 9),
        ("2026-11-21T11:56:00", 0),
        ("2026-11-21T17:31:00", 5.5),
        ("2026-11-21T03:00:00", -9),
    ],
)
def test_the_customers_own_time_tells_their_zone(local, hours):
    moment = Context(local_time=datetime.fromisoformat(local))
    assert moment.zone(NOW) == timezone(timedelta(hours=hours))
    assert Context().zone(NOW) is None


@pytest.mark.parametrize(
    "local",
    [
        "2026-11-20T12:00:00",
        "2027-11-21T21:00:00",
        "2026-11-21T12:00:00+23:00",
    ],
)
def test_a_time_that_it_is_nowhere_is_refused_with_a_remedy(local):
    moment = Context(local_time=datetime.fromisoformat(local))
    with pytest.raises(InvalidInput) as caught:
        Ranker(DEFAULT).rank({}, ["c"], now=NOW, context=moment)
    assert caught.value.field == "context.local_time"
    assert "leave it out" in caught.value.remedy


@pytest.mark.parametrize("year", ["0001", "2011", "2026", "9999"])
def test_of_a_clock_that_says_where_it_stands_only_that_counts_however_wrong_it_goes(year):
    moment = Context(local_time=datetime.fromisoformat(f"{year}-11-22T21:00:00+09:00"))
    assert moment.zone(NOW) == timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    "local", [5, 1_795_000_000, 1.5, True, "1795000000", "", "soon", "2026-11-21", []]
)
def test_a_local_time_that_is_no_iso_time_is_refused(local):
    with pytest.raises(ValidationError) as caught:
        request(local_time=local)
    assert "ISO 8601" in str(caught.value)


def test_quiet_hours_are_kept_where_the_request_says_that_the_customer_is():
    cat = catalogue(action("mail"))
    tokyo = Context(local_time=datetime(2026, 11, 21, 21, 0))  # noqa: DTZ001 - a wall clock
    ranking = Ranker(cat).rank(
        customers({"time_zone": "Europe/London"}), ["c"], now=NOW, context=tokyo
    )
    assert ranking.best(0).send_at == datetime(2026, 11, 21, 23, tzinfo=UTC)


def test_declared_factors_of_the_moment_multiply_while_they_hold():
    weights = [
        {"when": "context_page == 'cart'", "factor": 2},
        {"when": "context_cart_value > 50", "factor": 1.5},
    ]
    cat = catalogue(action("a", context_weights=weights))
    at_cart = Context(page="cart", session=Session(cart_value=80))

    def terms(context):
        return Ranker(cat).rank({}, ["c"], now=NOW, context=context).best(0).terms

    assert terms(Context()).context_weight == 1.0
    assert terms(Context(page="cart")).context_weight == 2.0
    assert terms(at_cart).context_weight == 3.0
    assert terms(at_cart).expected_value == 3 * terms(Context()).expected_value


def test_a_model_reads_the_moment_like_any_other_column():
    columns = Ranker(DEFAULT).rank({}, ["c"], now=NOW, context=Context(place=Place("KR"))).columns
    assert columns["context_country"].tolist() == ["KR"]


# strangers


def best_for_a_stranger(*, anonymous, **context):
    ranking = Ranker(DEFAULT).rank(
        strangers.columns(anonymous=anonymous),
        ["stranger"],
        now=NOW,
        context=Context(**context),
        suggestions=Popular(TABLES, StockState(out_of_stock=frozenset({"p1"}))),
    )
    return ranking.best(0)


class TABLES:
    product_ids = ("p1", "p2", "p3")


def test_a_visitor_nobody_knows_is_shown_what_everybody_buys():
    best = best_for_a_stranger(anonymous=True, channel="web", page="home")
    assert (best.action.id, best.items) == ("popular_onsite", ("p2", "p3"))
    in_app = best_for_a_stranger(anonymous=True, channel="app")
    assert in_app.action.id == "popular_in_app"


def test_a_visitor_is_on_the_web_unless_told_otherwise_and_the_receipt_says_so():
    moment = Context(page="cart").of_visitor()
    assert moment.as_json() == {"channel": "web", "page": "cart", "assumed": ["channel"]}
    assert moment.columns(1)["context_channel"].tolist() == ["web"]
    in_app = Context(channel="app")
    assert in_app.of_visitor() == in_app
    assert in_app.as_json() == {"channel": "app"}


def test_a_visitor_with_products_in_the_cart_is_reminded_of_them():
    session = Session(cart_items=2, cart_value=50)
    best = best_for_a_stranger(anonymous=True, channel="web", page="home", session=session)
    assert best.action.id == "cart_reminder_onsite"


def test_nothing_is_sent_to_who_has_no_address_and_a_new_customer_is_welcomed():
    assert best_for_a_stranger(anonymous=True).action.id == "none"
    assert best_for_a_stranger(anonymous=False).action.id == "first_order_email"


def test_who_is_worth_asking_is_asked_on_the_preferred_channel():
    cat = catalogue(
        action("mail"), action("push", channel="push"), reachable_by_default=["email", "push"]
    )

    def best(history):
        ranking = Ranker(cat).rank(customers({"channel_history": history}), ["c"], now=NOW)
        return ranking.best(0)

    pusher = ["email sent 40", "push opened 9", "push sent 10"]
    assert best([]).action.id == "mail"
    assert best([]).terms.channel_weight == 1.0
    assert best(pusher).action.id == "push"
    assert 1.0 < best(pusher).terms.channel_weight <= 2.0


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ({}, (0.1 * 100 * 0.5 - 0.5 - 0.2 * 3) * 2),
        ({"uplift": False}, (0.2 * 100 * 0.5 - 0.5 - 0.2 * 3) * 2),
        ({"value": False}, (0.1 * 1 * 0.5 - 0.5 - 0.2 * 3) * 2),
        ({"margin": False}, (0.1 * 100 - 0.5 - 0.2 * 3) * 2),
        ({"contact_cost": False}, (0.1 * 100 * 0.5 - 0.2 * 3) * 2),
        ({"redemption_cost": False}, (0.1 * 100 * 0.5 - 0.5) * 2),
        ({"lever": False}, 0.1 * 100 * 0.5 - 0.5 - 0.2 * 3),
    ],
)
def test_a_term_that_is_switched_off_is_neutral(off, expected):
    cat = catalogue(
        action("a", contact_cost=0.5, lever=2, treatments=[{"name": "t", "reward": 3}]),
        ranking={"terms": off},
    )
    found = {
        each.action.id: each.terms for each in Ranker(cat).rank({}, ["c"], now=NOW).candidates(0)
    }
    assert found["a"].expected_value == pytest.approx(expected)


def test_the_response_of_the_treated_alone_is_said_to_be_that():
    class Treated:
        from retain.manifest import Manifest, ModelFeature, TrainingWindow

        manifest = Manifest(
            head="response",
            horizon_days=30,
            features=(ModelFeature(name="orders_lifetime"),),
            training=TrainingWindow(as_of=NOW),
        )

        action_ids = ("a",)

        def response(self, matrix, action_ids):
            treated = np.full((len(matrix), len(action_ids)), 0.4)
            return treated, np.full_like(treated, np.nan)

    cat = catalogue(action("a"))
    best = Ranker(cat, Treated()).rank(customers({"orders_lifetime": 1.0}), ["c"], now=NOW).best(0)
    # the prior says that half of those who respond would not have without it
    assert best.terms.basis == "response"
    assert (best.terms.conversion, best.terms.uplift) == pytest.approx((0.4, 0.2))
