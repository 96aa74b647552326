"""Attribution: each fact once, credited to one action at most, and never backwards in time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.configuration import read_yaml
from retain.decisions.attribution import Attribution, attribute, load
from retain.decisions.facts import Act, Conversion, Told
from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG

DAY = 86_400_000_000
HOUR = DAY // 24
HOW = Attribution()
NAMED = Attribution(model="decision_id")


def act(number: int = 1, day: float = 0.0, action: str = "mail", **more) -> Act:
    at = int(day * DAY)
    return Act(f"d{number}", action, "c1", at, at, acts=action != "none", **more)


def told(outcome: str, day: float, number: int = 1, value: float | None = None) -> Told:
    return Told(f"d{number}", "mail", outcome, int(day * DAY), value)


def order(day: float, value: float = 10.0, name: str = "o1", of: int | None = None) -> Conversion:
    named = () if of is None else ((f"d{of}", "mail"),)
    return Conversion(name, "c1", int(day * DAY), value, named)


def rewards(acts, facts=(), orders=(), how=HOW):
    return [row.reward for row in attribute(acts, facts, orders, how)[0]]


def test_an_order_is_credited_to_the_last_action_within_its_window():
    assert rewards([act(1, 0), act(2, 2), act(3, 20)], (), [order(4)]) == [0, 10, 0]


def test_an_order_after_every_window_is_credited_to_nothing():
    assert rewards([act(1, 0)], (), [order(5.1)]) == [0]


def test_a_click_counts_for_longer_than_a_message_that_was_only_sent():
    assert rewards([act(1, 0)], [told("clicked", 1)], [order(14)]) == [10]


def test_a_window_of_zero_days_credits_nothing():
    how = Attribution.model_validate({"windows_days": {"sent": 0}})
    assert rewards([act(1, 0)], (), [order(1)], how) == [0]


def test_a_later_click_on_an_earlier_message_is_the_last_touch():
    assert rewards([act(1, 0), act(2, 1)], [told("clicked", 2)], [order(3)]) == [10, 0]


def test_by_decision_id_only_what_names_its_decision_is_credited():
    acts = [act(1, 0), act(2, 2)]
    assert rewards(acts, (), [order(3)], NAMED) == [0, 0]
    assert rewards(acts, [told("converted", 3)], [order(3)], NAMED) == [10, 0]


def test_a_conversion_that_names_its_decision_is_not_taken_by_a_later_touch():
    assert rewards([act(1, 0), act(2, 2)], [told("converted", 3)], [order(3)]) == [10, 0]


def test_an_order_that_names_its_decision_is_not_taken_by_a_later_touch():
    acts = [act(1, 0), act(2, 2)]
    assert rewards(acts, (), [order(3, of=1)]) == [10, 0]
    assert rewards(acts, (), [order(3, of=1)], NAMED) == [10, 0]
    # told twice, it names its decision although the first telling did not
    assert rewards(acts, (), [order(3), order(3.2, of=1)]) == [10, 0]


def test_an_order_that_names_a_decision_that_cannot_be_credited_is_the_last_touchs():
    late = order(35, of=1)
    assert rewards([act(1, 0), act(2, 34)], (), [late]) == [0, 10]
    assert rewards([act(1, 0), act(2, 2)], [told("bounced", 0.1)], [order(3, of=1)]) == [0, 10]
    assert rewards([act(1, 0)], (), [order(3, of=9)]) == [10]


def test_feedback_is_of_the_order_that_names_the_same_decision():
    acts, orders = (
        [act(1, 0), act(2, 0)],
        [order(3, 10.0, "o1", of=2), order(3.1, 20.0, "o2", of=1)],
    )
    assert rewards(acts, [told("converted", 3, 1, 10.0)], orders) == [20, 10]


def test_an_order_told_as_feedback_and_as_an_event_counts_once():
    rows, credited = attribute([act()], [told("converted", 3.2, value=12.0)], [order(3)], HOW)
    assert (rows[0].conversions, rows[0].reward, len(credited)) == (1, 10.0, 1)


def test_the_value_told_counts_where_it_is_preferred():
    how = Attribution(value="feedback")
    assert rewards([act()], [told("converted", 3.2, value=12.0)], [order(3)], how) == [12]


def test_a_conversion_that_no_event_tells_of_has_the_value_that_was_told():
    assert rewards([act()], [told("converted", 3, value=12.0)]) == [12]


def test_one_order_claimed_for_two_decisions_counts_once_for_the_later():
    claims = [told("converted", 3, 1, 10.0), told("converted", 3, 2, 10.0)]
    assert rewards([act(1, 0), act(2, 2)], claims, [order(3)]) == [0, 10]
    assert rewards([act(1, 0), act(2, 2)], claims) == [0, 10]


def test_of_two_orders_of_a_day_feedback_tells_of_the_one_with_its_value():
    orders = [order(3.0, 40.0, "o1"), order(3.1, 12.0, "o2")]
    rows, credited = attribute([act()], [told("converted", 3.0, value=12.0)], orders, NAMED)
    assert (rows[0].reward, credited[0].fact.fact_id) == (12.0, "o2")


def test_two_conversions_far_apart_are_two():
    claims = [told("converted", 1, value=5.0), told("converted", 3, value=7.0)]
    assert rewards([act()], claims) == [12]


@pytest.mark.parametrize("outcomes", [["not_sent"], ["sent", "bounced"]])
def test_what_did_not_reach_the_customer_is_credited_with_nothing(outcomes):
    facts = [told(each, 0) for each in outcomes]
    [row] = attribute([act()], facts, [order(1)], HOW)[0]
    assert (row.carried_out, row.reward) == (False, 0.0)


def test_silence_is_credited_only_where_it_means_that_it_was_sent():
    assert rewards([act(1, 0, presumed=False)], (), [order(1)]) == [0]
    assert rewards([act(1, 0, presumed=False)], [told("sent", 0)], [order(1)]) == [10]


def test_doing_nothing_is_credited_with_nothing():
    assert rewards([act(1, 0), act(2, 1, "none")], (), [order(2)]) == [10, 0]


def test_an_order_between_decision_and_sending_is_not_credited():
    assert rewards([act(1, 0)], [told("sent", 2)], [order(1)]) == [0]


def test_the_same_order_told_twice_is_one():
    assert rewards([act()], (), [order(1), order(1), order(1.1)]) == [10]


def test_the_shipped_file_declares_the_defaults():
    assert read_yaml(PROJECT_CONFIG / "attribution.yaml", Attribution) == Attribution()


def test_an_event_type_that_does_not_exist_is_named(tmp_path):
    (tmp_path / "attribution.yaml").write_text("converts: [order_compleated]")
    with pytest.raises(InvalidInput, match="order_compleated"):
        load(tmp_path)


TIMES = st.integers(0, 40 * 24).map(lambda hours: hours * HOUR)
CUSTOMERS = st.sampled_from(["c1", "c2"])


@st.composite
def histories(draw):
    """Decisions, what was told of them, and orders, some told in both ways."""
    acts = [
        Act(f"d{number}", action, draw(CUSTOMERS), at, at + draw(TIMES) // 10, action != "none",
            draw(st.booleans()), draw(st.booleans()))
        for number in range(draw(st.integers(1, 6)))
        for action in [draw(st.sampled_from(["mail", "push", "none"]))]
        for at in [draw(TIMES)]
    ]  # fmt: skip
    values = st.sampled_from([None, 5.0, 7.5])
    outcomes = st.sampled_from(["sent", "not_sent", "bounced", "opened", "clicked", "converted"])
    pairs = st.sampled_from([one.pair for one in acts] + [("d99", "mail")])
    said = draw(st.lists(st.tuples(pairs, outcomes, TIMES, values), max_size=12))
    facts = [
        Told(*pair, outcome, at, value if outcome == "converted" else None)
        for pair, outcome, at, value in said
    ]
    bought = draw(st.lists(st.tuples(CUSTOMERS, TIMES, st.sampled_from([5.0, 7.5])), max_size=6))
    orders = [Conversion(f"o{n}", *one) for n, one in enumerate(bought)]
    return acts, facts, orders, draw(st.sampled_from([HOW, NAMED, Attribution(value="feedback")]))


@given(histories(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_what_is_told_matters(history, shuffle: random.Random):
    acts, facts, orders, how = history
    again_facts = facts + [one for one in facts if shuffle.random() < 0.5]
    again_orders = orders + [one for one in orders if shuffle.random() < 0.5]
    shuffle.shuffle(again_facts)
    shuffle.shuffle(again_orders)
    assert attribute(acts, again_facts, again_orders, how) == attribute(acts, facts, orders, how)


@given(histories())
def test_no_conversion_is_credited_twice_or_to_another_customer_or_to_a_later_decision(history):
    acts, facts, orders, how = history
    known = {one.pair: one for one in acts}
    _, credited = attribute(acts, facts, orders, how)
    with_orders = [one.fact.fact_id for one in credited if one.fact.fact_id is not None]
    assert len(with_orders) == len(set(with_orders)) <= len(orders)
    for one in credited:
        assert known[one.pair].decided_at <= one.fact.at
        assert known[one.pair].customer_id == one.fact.customer_id
        assert known[one.pair].acts


@given(histories())
def test_rewards_add_up_to_what_was_credited(history):
    rows, credited = attribute(*history)
    assert sum(row.reward for row in rows) == pytest.approx(sum(one.value for one in credited))
    assert sum(row.conversions for row in rows) == len(credited)


@given(histories())
def test_no_more_is_credited_than_was_earned(history):
    acts, facts, orders, how = history
    _, credited = attribute(acts, facts, orders, how)
    told_alone = [one for one in credited if one.fact.fact_id is None]
    assert len(told_alone) <= len({one for one in facts if one.outcome == "converted"})
    if how.value == "order":
        of_orders = [one.value for one in credited if one.fact.fact_id is not None]
        assert sum(of_orders) <= sum(one.value for one in orders) + 1e-9
