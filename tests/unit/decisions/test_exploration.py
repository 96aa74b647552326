"""Exploration: exact chances, drawn by a seed, only among what is allowed, and more of what is new."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.decisions.caps import ContactState
from retain.decisions.exploration import (
    Exploration,
    Option,
    choose,
    probabilities,
    spread_of_uplift,
)
from retain.decisions.ranking import Ranker
from retain.decisions.receipt import Evidence, write_receipt
from retain.decisions.replay import made_again
from tests.catalogues import NOW, action, catalogue, customers

EPSILON = Exploration(method="epsilon_greedy", epsilon=0.2, new_share=0.5)
THOMPSON = Exploration(method="thompson", epsilon=0.1, draws=400)
THREE = [Option("a", 3.0), Option("b", 2.0), Option("none", 0.0)]


def test_without_exploration_the_best_has_all_the_chance():
    assert probabilities(Exploration(), THREE) == [1.0, 0.0, 0.0]
    assert choose([1.0, 0.0, 0.0], "any seed") == 0


def test_epsilon_greedy_has_its_closed_form():
    assert probabilities(EPSILON, THREE) == pytest.approx([0.8 + 0.2 / 3, 0.2 / 3, 0.2 / 3])


def test_half_of_what_is_explored_goes_to_what_is_new():
    options = [*THREE[:2], Option("c", 1.0, is_new=True), THREE[2]]
    assert probabilities(EPSILON, options) == pytest.approx([0.825, 0.025, 0.125, 0.025])


def test_more_is_explored_while_options_are_new_and_less_with_each_that_is_not():
    how = Exploration(method="epsilon_greedy", epsilon=0.1, epsilon_new=0.6, new_share=0.0)
    three = [option._replace(is_new=True) for option in THREE]
    assert probabilities(how, three) == pytest.approx([0.6, 0.2, 0.2])
    three[0] = THREE[0]
    assert probabilities(how, three) == pytest.approx([0.6 + 0.4 / 3, 0.4 / 3, 0.4 / 3])
    assert probabilities(how, THREE) == pytest.approx([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])


def test_what_nobody_knows_of_doing_nothing_does_not_make_the_second_best_look_better():
    alone = [Option("a", 1.0, 0.5), Option("b", 0.9, 0.5), Option("none", -9.0)]
    shared = [option._replace(shared=option.spread) for option in alone]
    assert probabilities(replace_epsilon(0.0), alone)[1] > 0.3
    assert probabilities(replace_epsilon(0.0), shared) == [1.0, 0.0, 0.0]
    # but it makes doing nothing look better: both are 0.9 and 1.0 above it, give or take one
    unsure = [Option("a", 1.0, 1.0, False, 1.0), Option("b", 0.9, 1.0, False, 1.0)]
    none = probabilities(replace_epsilon(0.0), [*unsure, Option("none", 0.0)])[2]
    assert none == pytest.approx(0.159, abs=0.02)


def test_thompson_gives_each_action_the_chance_that_it_is_the_best():
    sure = [Option("a", 3.0, 0.1), Option("b", 2.0, 0.1), Option("none", 0.0)]
    assert probabilities(replace_epsilon(0.0), sure) == [1.0, 0.0, 0.0]
    # two of equal belief share; P(N(1, 1) > N(1, 1)) = 1/2, P(both < 0) = 0.159^2
    equal = [Option("a", 1.0, 1.0), Option("b", 1.0, 1.0), Option("none", 0.0)]
    a, b, none = probabilities(replace_epsilon(0.0), equal)
    assert a == pytest.approx(0.487, abs=0.05)
    assert b == pytest.approx(0.487, abs=0.05)
    assert none == pytest.approx(0.025, abs=0.02)
    # one of wide belief below another is tried, the more the wider
    shares = [
        probabilities(replace_epsilon(0.0), [Option("a", 2.0), Option("b", 1.0, wide)])[1]
        for wide in (0.1, 1.0, 4.0)
    ]
    assert shares == sorted(shares)
    assert shares[1] == pytest.approx(0.159, abs=0.01)


def test_with_epsilon_every_allowed_action_has_a_chance():
    sure = [Option("a", 3.0, 0.1), Option("b", 2.0, 0.1), Option("none", 0.0)]
    assert min(probabilities(THOMPSON, sure)) == pytest.approx(0.1 / 3)


def replace_epsilon(epsilon):
    return THOMPSON.model_copy(update={"epsilon": epsilon})


options = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(0, 3), st.booleans()), min_size=1, max_size=8
).map(
    lambda rows: sorted(
        (Option(f"a{n}", value, wide, new) for n, (value, wide, new) in enumerate(rows)),
        key=lambda option: -option.expected,
    )
)


@settings(max_examples=80, deadline=None)
@given(options, st.sampled_from([Exploration(), EPSILON, THOMPSON]), st.text(max_size=8))
def test_chances_add_up_to_one_and_the_chosen_has_one(those, how, seed):
    chances = probabilities(how, those)
    assert sum(chances) == pytest.approx(1.0)
    assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert chances[choose(chances, seed)] > 0.0


@pytest.mark.parametrize("how", [EPSILON, THOMPSON])
def test_over_many_seeds_each_is_chosen_as_often_as_its_chance_says(how):
    those = [Option("a", 1.0, 0.5), Option("b", 0.8, 0.7, is_new=True), Option("none", 0.0)]
    chances = probabilities(how, those)
    drawn = Counter(choose(chances, f"seed {number}") for number in range(20_000))
    for place, chance in enumerate(chances):
        assert drawn[place] / 20_000 == pytest.approx(chance, abs=0.015)


def test_an_inverse_propensity_estimate_from_the_log_is_that_of_the_policy_it_estimates():
    reward, always_b, seen = {"a": 1.0, "b": 4.0, "none": 0.0}, 0.0, 20_000
    chances = probabilities(EPSILON, THREE)
    for number in range(seen):
        chosen = choose(chances, f"log {number}")
        if THREE[chosen].action_id == "b":
            always_b += reward["b"] / chances[chosen] / seen
    assert always_b == pytest.approx(4.0, abs=0.3)


def test_the_spread_falls_with_outcomes():
    few = spread_of_uplift(THOMPSON, 0.2, 0.1, (0.0, 0.0))
    many = spread_of_uplift(THOMPSON, 0.2, 0.1, (10_000.0, 10_000.0))
    assert few == pytest.approx((0.2 * 0.8 / 200 + 0.1 * 0.9 / 200) ** 0.5)
    assert many < few / 5


# decisions


def exploring(method, **fields):
    return catalogue(
        action("best", lever=2, cap={"limit": 1, "days": 7}),
        action("second", treatments=[{"name": "a"}, {"name": "b", "discount": 0.1}]),
        action("third", contact_cost=6.0),
        action("forbidden", eligibility=["never"]),
        rules={"never": {"when": False, "says": "never"}},
        exploration={"method": method, **fields},
    )


def receipt(declared, seed="01JD0Z6Y8Q4X1V9T3R5P7N2M6K", state=None, **row):
    ranking = Ranker(declared).rank(customers({"stage": "use", **row}), ["c"], now=NOW)
    return write_receipt(
        seed, ranking, 0, state or ContactState(), Evidence(), limit=3, reserved=True
    )


@pytest.mark.parametrize("method", ["greedy", "epsilon_greedy", "thompson"])
def test_a_decision_is_made_again_from_its_receipt_bit_for_bit(method):
    for number in range(40):
        written = receipt(exploring(method), f"seed-{number}", average_order_value=25.0)
        stored = json.loads(json.dumps(written))
        again = made_again(stored)
        assert again.chosen == written["actions"][0]["action_id"]
        assert again.propensities == {
            each["action_id"]: each["propensity"] for each in written["candidates"]
        }
        assert again.scores == {
            each["action_id"]: each["terms"]["expected_value"] for each in written["candidates"]
        }


def test_a_receipt_from_before_the_shared_part_was_logged_is_made_again_as_it_was():
    written = json.loads(json.dumps(receipt(exploring("thompson"), "seed-3")))
    for each in written["candidates"]:
        each.pop("shared", None)
    chances = probabilities(
        THOMPSON.model_copy(update={"draws": 200}),
        [
            Option(each["action_id"], each["terms"]["expected_value"], each["spread"], each["new"])
            for each in sorted(
                (one for one in written["candidates"] if one["removed_by"] is None),
                key=lambda one: one["rank"],
            )
        ],
    )
    assert sorted(chances) == sorted(p for p in made_again(written).propensities.values() if p)


@pytest.mark.parametrize("how", [{}, {"epsilon_new": 0.5}])
def test_a_policy_is_read_again_as_it_was_written(how):
    policy = Exploration(method="thompson", **how)
    assert Exploration.from_json(json.loads(json.dumps(policy.as_json()))) == policy


@pytest.mark.parametrize("method", ["epsilon_greedy", "thompson"])
def test_equals_are_made_again_in_the_order_they_were_chosen_from(method):
    cat = catalogue(*(action(name) for name in "abcd"), exploration={"method": method})
    for number in range(40):
        written = receipt(cat, f"seed-{number}")
        assert made_again(written).chosen == written["actions"][0]["action_id"]
        assert made_again(written).propensities == {
            each["action_id"]: each["propensity"] for each in written["candidates"]
        }


def test_what_a_constraint_removed_has_no_chance():
    for number in range(60):
        written = receipt(exploring("epsilon_greedy", epsilon=1.0), f"seed-{number}")
        chances = {each["action_id"]: each["propensity"] for each in written["candidates"]}
        assert chances["forbidden"] == 0.0
        assert written["actions"][0]["action_id"] != "forbidden"
        assert sum(chances.values()) == pytest.approx(1.0)
        removed = [each for each in written["candidates"] if each["removed_by"]]
        assert all(each["propensity"] == 0.0 for each in removed)


def test_the_chosen_comes_first_with_its_own_propensity_and_the_seed_is_logged():
    firsts = set()
    for number in range(60):
        written = receipt(exploring("epsilon_greedy", epsilon=1.0), f"seed-{number}")
        first = written["actions"][0]
        chances = {each["action_id"]: each["propensity"] for each in written["candidates"]}
        assert (
            first["propensity"]
            == chances[first["action_id"]]
            == written["candidates"][0]["propensity"]
        )
        assert written["policy"]["seed"] == f"seed-{number}"
        firsts.add(first["action_id"])
    assert firsts == {"best", "second", "none"}


def test_thompson_tries_what_is_not_worth_it_yet_but_greedy_never_does():
    declared = {"contact_cost": 5.5}
    cat = catalogue(action("hopeful", **declared), exploration={"method": "thompson", "epsilon": 0})
    written = receipt(cat)
    chances = {each["action_id"]: each["propensity"] for each in written["candidates"]}
    assert 0.0 < chances["hopeful"] < 0.5
    greedy = receipt(catalogue(action("hopeful", **declared)))
    assert {each["action_id"]: each["removed_by"] for each in greedy["candidates"]} == {
        "none": None,
        "hopeful": "not_worth_it",
    }


def test_what_could_be_done_instead_is_never_worth_less_than_nothing():
    cat = catalogue(
        action("good"), action("hopeful", contact_cost=5.5), exploration={"method": "thompson"}
    )
    for number in range(20):
        scores = [each["score"] for each in receipt(cat, f"s{number}")["actions"][1:]]
        assert all(score >= 0.0 for score in scores)


def test_a_policy_other_than_the_catalogues_can_be_given():
    cat = exploring("epsilon_greedy", epsilon=1.0)
    ranking = Ranker(cat).rank(
        customers({"stage": "use"}), ["c"], now=NOW, exploration=Exploration()
    )
    assert ranking.best(0, seed="x").action.id == "best"
    assert ranking.best(0, seed="x").propensity == 1.0


def test_an_action_with_enough_outcomes_is_not_new():
    ranker = Ranker(exploring("epsilon_greedy"))
    ranker.beliefs = replace_outcomes(ranker.beliefs, {"best": (500.0, 500.0)})
    ranking = ranker.rank(customers({"stage": "use"}), ["c"], now=NOW)
    new = {each.action.id: each.is_new for each in ranking.candidates(0, seed="x")}
    assert (new["best"], new["second"], new["none"]) == (False, True, False)


def test_doing_nothing_is_new_until_enough_were_held_out():
    ranker = Ranker(exploring("epsilon_greedy"))
    for held_out, expected in ((99.0, True), (100.0, False)):
        ranker.beliefs = replace_outcomes(ranker.beliefs, {"best": (500.0, held_out)})
        ranking = ranker.rank(customers({"stage": "use"}), ["c"], now=NOW)
        new = {each.action.id: each.is_new for each in ranking.candidates(0, seed="x")}
        assert new["none"] is expected


def replace_outcomes(beliefs, outcomes):
    return beliefs._replace(outcomes=outcomes)
