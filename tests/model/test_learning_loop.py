"""The loop of decide, observe and train, small enough for seconds."""

import pytest

from training.policies.learners import KINDS
from training.policies.loop import ARMS_COMPARED, run

EXPLORING, GREEDY, RANDOM = ARMS_COMPARED


@pytest.fixture(scope="module")
def explored():
    return run(EXPLORING, seed=1, customers=2_500, weeks=6)


def test_a_model_is_learned_from_the_decisions_alone_once_their_answers_are_in(explored):
    assert [week.learner for week in explored[:3]] == ["prior", "prior", "prior"]
    assert explored[4].rows > 1_000
    assert explored[4].learner in {"constant", *KINDS}


def test_no_policy_is_worth_more_than_the_best_known_one(explored):
    for week in explored:
        assert week.chosen <= week.best
        assert week.exploited <= week.best
        assert sum(week.actions.values()) == pytest.approx(1.0)


def test_less_is_left_to_chance_once_every_action_and_doing_nothing_were_tried(explored):
    first, last = explored[0].actions["none"], explored[-1].actions["none"]
    assert first == pytest.approx(0.15, abs=0.03)
    assert last < first


def test_every_arm_keeps_a_chance_where_it_is_explored(explored):
    assert all(min(week.actions.values()) > 0.0 for week in explored)


def test_without_exploration_no_uplift_is_learned():
    weeks = run(GREEDY, seed=1, customers=2_500, weeks=6)
    # all it can learn is how many order after each action, and that from the first answers on
    assert {week.learner for week in weeks} == {"prior", "response"}
    assert weeks[-1].learner == "response"
    assert all(week.chosen == pytest.approx(week.exploited) for week in weeks)


def test_the_random_arm_learns_nothing_and_loses_most():
    weeks = run(RANDOM, seed=1, customers=600, weeks=2)
    assert {week.learner for week in weeks} == {"prior"}
    assert all(week.chosen < week.exploited for week in weeks)
