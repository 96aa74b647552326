"""``POST /rank`` for who is not known: what is shown to them, and what that rests on."""

from types import SimpleNamespace

import pytest

from retain.decisions import catalogues
from retain.decisions.ranking import Ranker
from retain.decisions.receipt import Decision, write_receipt
from retain.decisions.store import NO_STATE
from retain.experiments.assignment import NOBODYS
from retain.items.popular import Popular
from retain.settings import PROJECT_CONFIG
from retain.stock import EMPTY
from services.metrics import Metrics
from services.rank_body import of
from services.ranking import Ranking
from services.schemas.ranking import RankRequest
from tests.unit.services.fakes import NOW

RANKER = Ranker(catalogues.load(PROJECT_CONFIG / "actions.yaml"))
TABLES = SimpleNamespace(product_ids=("p1", "p2"))
MODELS = {"churn": "churn:1", "next_items": "next_items:1"}


class Unlimited:
    """Reserves whatever is the best."""

    def reserve(self, ranking, *, limit, evidence, **_):
        written = write_receipt("d-1", ranking, 0, NO_STATE, evidence, limit=limit, reserved=True)
        return Decision(written)

    def get(self, decision_id: str) -> dict:
        raise NotImplementedError

    replay = get


def rank(models=MODELS, tables=TABLES, **asked) -> dict:
    use_case = Ranking(
        reader=SimpleNamespace(read=lambda ids, at: SimpleNamespace(features_as_of={})),
        scorer=None,
        arms=SimpleNamespace(
            nobodys=(RANKER, NOBODYS), of=lambda columns, ids, at: [(RANKER, NOBODYS)]
        ),
        decisions=Unlimited(),
        popular=lambda at: Popular(tables, EMPTY),
        models=models,
        clock=lambda: NOW,
        metrics=Metrics(),
    )
    return use_case.rank(of(RankRequest.model_validate({"receipt": True, **asked})), None)


def test_a_visitor_who_does_not_say_where_they_are_is_shown_something_on_the_web() -> None:
    answer = rank(anonymous_id="v", context={"page": "home"})
    assert answer["actions"][0]["action_id"] == "popular_onsite"
    assert answer["context"] == {"channel": "web", "page": "home", "assumed": ["channel"]}
    cart = rank(anonymous_id="v", context={"page": "cart", "session": {"cart_items": 1}})
    assert "cart_reminder_onsite" in [one["action_id"] for one in cart["actions"]]


def test_a_visitor_in_the_app_and_a_customer_elsewhere_are_taken_at_their_word() -> None:
    in_app = rank(anonymous_id="v", context={"channel": "app"})
    assert in_app["actions"][0]["action_id"] == "popular_in_app"
    assert in_app["context"] == {"channel": "app"}
    assert rank(customer_id="new")["context"] == {}


@pytest.mark.parametrize("whom", [{"anonymous_id": "v"}, {"customer_id": "new"}])
def test_the_model_that_popular_items_are_from_is_named(whom) -> None:
    answer = rank(**whom)
    assert answer["actions"][0]["items"] == ["p1", "p2"]
    assert answer["models"] == {"next_items": "next_items:1"}
    assert rank(models={"churn": "churn:1"}, tables=None, **whom)["models"] == {}
