"""Receipts of decisions as a log that policies are judged by."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import insert

from retain.clock import iso, to_micros
from retain.database import connect, writing
from retain.decisions.attribution import Attribution
from retain.decisions.store import decisions as table
from retain.errors import NotEnoughData
from training import outcomes
from training.logged import Decisions
from training.policies import decisions
from training.policies.estimators import DR, IPS, supported

AT = datetime(2026, 3, 1, tzinfo=UTC)
MAIL = {
    "conversion": 0.4, "uplift": 0.2, "value": 50.0, "margin": 0.5,
    "contact_cost": 1.0, "redemption_cost": 0.0, "expected_value": 4.0,
}  # fmt: skip
NONE = dict.fromkeys(MAIL, 0.0) | {"conversion": 0.2, "value": None}


def receipt(chosen: str, chance: float = 0.25, *, at: datetime = AT, removed: bool = False) -> dict:
    """A decision between a mail and nothing; the mail has the ``chance``."""
    candidates = [
        {"action_id": "mail", "terms": MAIL, "removed_by": "cap" if removed else None,
         "propensity": 0.0 if removed else chance},
        {"action_id": "none", "terms": NONE, "removed_by": None,
         "propensity": 1.0 if removed else 1.0 - chance},
    ]  # fmt: skip
    return {"as_of": iso(at), "actions": [{"action_id": chosen}], "candidates": candidates}


def became(how: Attribution | None = None, **carried_out: bool) -> Decisions:
    """What is known of decisions: whether each was carried out."""
    rows = [
        {"decision_id": f"{int(name[1:]):026d}", "chosen": True, "carried_out": done}
        for name, done in carried_out.items()
    ]
    return Decisions(pa.Table.from_pylist(rows, schema=outcomes.SCHEMA), how or Attribution())


KNOWN = became()


def orders(*who: str) -> pa.Table:
    moments = [AT + timedelta(days=2)] * len(who)
    return pa.table(
        {
            "customer_id": pa.array(who, pa.string()),
            "ts": pa.array(moments, pa.timestamp("us", "UTC")),
            "is_order": pa.array([True] * len(who), pa.bool_()),
            "value": pa.array([60.0] * len(who), pa.float64()),
        }
    )


@pytest.fixture
def given() -> decisions.Decided:
    receipts = [receipt("mail"), receipt("none"), receipt("none", removed=True)]
    return decisions.decided(receipts, ["a", "b", "c"], [to_micros(AT)] * 3)


def test_a_receipt_is_a_row_with_the_chance_of_every_candidate(given: decisions.Decided) -> None:
    assert given.log.actions == ("none", "mail")
    assert given.log.chosen.tolist() == [1, 0, 0]
    assert given.log.chance.tolist() == [[0.75, 0.25], [0.75, 0.25], [1.0, 0.0]]


def test_who_ordered_within_the_window_is_the_reward(given: decisions.Decided) -> None:
    assert given.ordered(orders("a", "c"), profit=False).reward.tolist() == [1.0, 0.0, 1.0]


def test_profit_is_the_margin_less_the_contact(given: decisions.Decided) -> None:
    assert given.ordered(orders("a"), profit=True).reward.tolist() == [29.0, 0.0, 0.0]


def test_an_order_earns_the_same_margin_whatever_was_done(given: decisions.Decided) -> None:
    assert given.ordered(orders("b"), profit=True).reward.tolist() == [-1.0, 30.0, 0.0]
    declared = given.ordered(orders("b"), profit=True, cost=3.0, margin=0.1)
    assert declared.reward.tolist() == pytest.approx([-3.0, 6.0, 0.0])


def test_a_contact_costs_orders_where_that_is_said(given: decisions.Decided) -> None:
    found = given.ordered(orders("a", "c"), profit=False, cost=0.25)
    assert found.reward.tolist() == [0.75, 0.0, 1.0]


def test_without_any_action_the_guess_is_what_the_actions_would_be_added_to(
    given: decisions.Decided,
) -> None:
    assert given.guess(profit=False)[:2].tolist() == [[pytest.approx(0.2), pytest.approx(0.4)]] * 2
    # where nothing else was possible, what the others have on average
    assert given.guess(profit=False)[2, 0] == pytest.approx(0.2)
    assert given.guess(profit=True)[0].tolist() == pytest.approx([0.2 * 25, 0.4 * 25 - 1.0])


def test_the_policies_are_judged_by_what_was_logged(given: decisions.Decided) -> None:
    log = given.ordered(orders("a", "c"), profit=False)
    named = {one.name: one.policy for one in given.policies()}
    assert IPS.value(named["logged"], log) == pytest.approx(log.reward.mean())
    # the mail where it could be sent, and the third customer as before
    assert IPS.value(named["highest expected value"], log) == pytest.approx((4.0 + 0.0 + 1.0) / 3)
    assert IPS.value(named["do nothing"], log) == pytest.approx((0.0 + 0.0 + 1.0) / 3)
    assert named["only mail"].tolist() == [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    guess = given.guess(profit=False)
    assert np.isfinite(DR.value(named["any at random"], log, guess))


def test_a_greedy_service_says_nothing_of_what_it_never_did() -> None:
    greedy = decisions.decided([receipt("mail", 1.0)], ["a"], [to_micros(AT)])
    named = {one.name: one.policy for one in greedy.policies()}
    assert supported(named["do nothing"], greedy.log) == 0.0
    assert supported(named["logged"], greedy.log) == 1.0


def store(engine, number: int, content: dict, *, at: datetime, reserved: bool = True) -> None:
    row = {
        "decision_id": f"{number:026d}",
        "customer_id": f"c{number}",
        "reserved": reserved,
        "action_id": content["actions"][0]["action_id"],
        "at": to_micros(at),
        "receipt": json.dumps(content),
    }
    with writing(engine) as connection:
        connection.execute(insert(table), [row])


def test_reserved_decisions_whose_window_is_over_are_read() -> None:
    engine = connect("sqlite:///:memory:")
    for number, days in enumerate((0, 1, 30)):
        store(engine, number, receipt("none"), at=AT + timedelta(days=days))
    store(engine, 7, receipt("none"), at=AT, reserved=False)
    old = receipt("none")
    for one in old["candidates"]:
        del one["propensity"]
    store(engine, 8, old, at=AT)
    found = decisions.read(engine, KNOWN, None, AT + timedelta(days=20), fewest=1)
    assert found.log.units.tolist() == ["c0", "c1"]
    later = decisions.read(engine, KNOWN, AT, AT + timedelta(days=20), fewest=1)
    assert later.log.units.tolist() == ["c1"]
    with pytest.raises(NotEnoughData, match="there are 2 whose 14 days are over"):
        decisions.read(engine, KNOWN, None, AT + timedelta(days=20), fewest=10)


def test_what_was_not_sent_treated_nobody() -> None:
    engine = connect("sqlite:///:memory:")
    for number, chosen in enumerate(("mail", "mail", "mail", "none")):
        store(engine, number, receipt(chosen), at=AT)
    known = became(d0=True, d1=False, d3=True)
    found = decisions.read(engine, known, None, AT + timedelta(days=20), fewest=1)
    assert found.log.units.tolist() == ["c0", "c2", "c3"]
    # two of three mails were sent: a quarter of all is less than that of what is left
    assert found.log.chance[0].tolist() == pytest.approx([0.75 / (11 / 12), (1 / 6) / (11 / 12)])


def test_what_was_not_sent_counts_as_decided_where_that_is_declared_and_costs_nothing() -> None:
    engine = connect("sqlite:///:memory:")
    for number in range(2):
        store(engine, number, receipt("mail"), at=AT)
    known = became(Attribution(not_carried_out="as_decided"), d0=True, d1=False)
    found = decisions.read(engine, known, None, AT + timedelta(days=20), fewest=1)
    assert found.log.chance.tolist() == [[0.75, 0.25], [0.75, 0.25]]
    assert found.ordered(orders(), profit=True).reward.tolist() == [-1.0, 0.0]


def test_a_policy_has_its_true_value_although_many_mails_were_never_sent() -> None:
    rng = np.random.default_rng(5)
    count, sent = 40_000, 0.5
    chance = rng.choice([0.2, 0.7], count)
    mailed = rng.random(count) < chance
    done = ~mailed | (rng.random(count) < sent)
    answered = rng.random(count) < np.where(mailed & done, 0.3, 0.1)
    receipts = [
        receipt("mail" if one else "none", p) for one, p in zip(mailed, chance, strict=True)
    ]
    given = decisions.decided(receipts, np.arange(count).tolist(), [0] * count, done)

    def value(found: decisions.Decided, reward: np.ndarray, policy: str) -> float:
        log = found.log.rewarded(reward.astype(float))
        return IPS.value({one.name: one.policy for one in found.policies()}[policy], log)

    kept = given.of_carried_out()
    assert value(kept, answered[done], "only mail") == pytest.approx(0.3, abs=0.012)
    assert value(kept, answered[done], "do nothing") == pytest.approx(0.1, abs=0.012)
    # counted as treated, a mail that was never sent makes mails look useless
    assert value(given, answered, "only mail") == pytest.approx(0.2, abs=0.012)
