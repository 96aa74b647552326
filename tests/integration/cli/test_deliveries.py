"""`retain deliveries`: what is dead is listed, and sent again as long as that makes sense."""

import json

import pytest
import yaml

from retain.clock import iso
from retain.database import connect
from retain.decisions.feedback import Feedback
from retain.decisions.ranking import Ranker
from retain.decisions.store import Decisions
from retain.settings import load
from retain.triggers.settlement import Settlement
from services.trigger_engine import settled
from tests.catalogues import action, catalogue, customers
from tests.triggered import CART, Shop

CATALOGUE = catalogue(action("offer", valid_hours=48), reachable_by_default=["email"])


@pytest.fixture
def shop(home, tmp_path, monkeypatch):
    """Two customers with a dead delivery each, and a third with one that waits."""
    config = tmp_path / "config"
    config.mkdir()
    declared = CATALOGUE.config.model_dump(mode="json", exclude_unset=True)
    (config / "actions.yaml").write_text(yaml.safe_dump(declared))
    monkeypatch.setenv("RETAIN_CONFIG", str(config))
    url = load({}, home=home).database_url
    trigger = {**CART, "after": "0", "hand_over": "at_once"}
    one = Shop(connect(url), trigger, pull={"lease": "1m", "attempts": 1})
    for who in ("ada", "bob", "eve"):
        one.happens("product_added", who)
        one.look()
        ranking = Ranker(CATALOGUE).rank(customers({}), [who], now=one.clock.now)
        made = Decisions(one.engine).reserve(ranking, request={})
        assert one.decide_by(lambda _, made=made: made.answer()) == 1
        if who != "eve":
            one.pull()
            one.clock.move(minutes=2)
            one.pull()
    settled(Settlement(one.engine), Feedback(one.engine, clock=one.clock))
    assert sorted(one.states()) == ["dead", "dead", "pending"]
    monkeypatch.setenv("RETAIN_AS_OF", iso(one.clock.now))
    yield one
    one.engine.dispose()


def test_dead_deliveries_are_listed_with_their_reason(shop, retain) -> None:
    listed = retain("deliveries", "list", "--dead")
    assert listed.code == 0
    assert listed.out.count("taken 1 times and never acknowledged") == 2
    everything = json.loads(retain("deliveries", "list", "--json").out)
    assert [one["customer_id"] for one in everything] == ["ada", "bob", "eve"]


def test_one_is_sent_again_by_its_id(shop, retain) -> None:
    [ada, _] = json.loads(retain("deliveries", "list", "--dead", "--json").out)
    answered = retain("deliveries", "resend", ada["delivery_id"])
    assert (answered.code, answered.out) == (0, f"{ada['delivery_id']}  is tried again\n")
    assert ada["delivery_id"] in shop.pull()


def test_all_dead_ones_are_sent_again_at_once(shop, retain) -> None:
    assert retain("deliveries", "resend", "--all").code == 0
    assert retain("deliveries", "list", "--dead").out == "no delivery is dead\n"
    again = retain("deliveries", "resend", "--all")
    assert (again.code, again.out) == (0, "no delivery is dead\n")


def test_one_that_has_expired_is_refused_with_exit_code_1(shop, retain, monkeypatch) -> None:
    [ada, _] = json.loads(retain("deliveries", "list", "--dead", "--json").out)
    shop.clock.move(days=3)
    monkeypatch.setenv("RETAIN_AS_OF", iso(shop.clock.now))
    answered = retain("deliveries", "resend", ada["delivery_id"])
    assert answered.code == 1
    assert "the decision of delivery" in answered.out
    assert "expired at" in answered.out


@pytest.mark.parametrize("words", [(), ("--all", "01JD0Z6ZC4M1W9T3A7S5K2H8QX")])
def test_either_ids_or_all_are_named(retain, words) -> None:
    answered = retain("deliveries", "resend", *words)
    assert answered.code == 2
    assert "name deliveries, or say --all" in answered.err


def test_an_unknown_id_is_said_to_be_none(shop, retain) -> None:
    answered = retain("deliveries", "resend", "nothing")
    assert answered.code == 1
    assert "there is no delivery nothing" in answered.err
