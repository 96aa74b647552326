"""Learners on trials whose effects are known."""

import numpy as np
import pytest

from retain.manifest import ModelFeature
from training import uplift
from training.policies import choosing, learners
from training.policies.learners import KINDS
from training.policies.trial import Trial, mean_effects, pseudo_outcomes

ROWS = 6_000
FEATURES = tuple(ModelFeature(name=name) for name in ("moved", "level", "noise"))


def trial(rows: int = ROWS, *, seed: int = 1, varying: bool = True, arms: int = 1) -> Trial:
    """Half of the customers are moved by 0.3 and half by nothing; or all by 0.15."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 3))
    chance = np.full((rows, arms + 1), 1.0 / (arms + 1))
    arm = rng.integers(0, arms + 1, rows)
    effect = np.where(matrix[:, 0] > 0, 0.3, 0.0) if varying else np.full(rows, 0.15)
    # the second action does half as much
    of_arm = np.array([0.0, 1.0, 0.5])[arm] * effect
    level = 0.2 + 0.1 * (matrix[:, 1] > 0)
    outcome = (rng.random(rows) < level + of_arm).astype(float)
    actions = ("mail", "push")[:arms]
    return Trial(matrix, FEATURES, actions, arm, outcome, chance, np.arange(rows))


def separate(rows: int = ROWS) -> Trial:
    """Two campaigns, each of one action against nothing: the second action does nothing."""
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(rows, 3))
    action = rng.integers(0, 2, rows)
    treated = rng.random(rows) < 0.7
    chance = np.zeros((rows, 3))
    chance[:, 0], chance[np.arange(rows), action + 1] = 0.3, 0.7
    effect = np.where((matrix[:, 0] > 0) & (action == 0), 0.3, 0.0)
    outcome = (rng.random(rows) < 0.2 + effect * treated).astype(float)
    arm = np.where(treated, action + 1, 0)
    return Trial(matrix, FEATURES, ("mail", "push"), arm, outcome, chance, np.arange(rows))


def in_time(given: Trial) -> list[tuple[np.ndarray, np.ndarray]]:
    early = np.arange(len(given)) < len(given) * 0.6
    return [(early, ~early)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_learner_finds_who_is_moved(kind: str) -> None:
    given, later = trial(), trial(seed=2)
    fitted = learners.levelled(learners.fit(kind, given, 7, later=later), 1.0)
    unseen = trial(seed=3)
    treated, control = fitted.effects().outcomes(unseen.matrix, [0])
    effect = (treated - control)[:, 0]
    moved = unseen.matrix[:, 0] > 0
    assert effect[moved].mean() == pytest.approx(0.3, abs=0.06)
    assert effect[~moved].mean() == pytest.approx(0.0, abs=0.06)
    assert control.mean() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_every_campaign_has_its_own_effect(kind: str) -> None:
    given = separate()
    assert given.separate
    fitted = learners.levelled(learners.fit(kind, given, 7, rounds={}), 1.0)
    treated, control = fitted.effects().outcomes(given.matrix, [0, 1])
    moved = given.matrix[:, 0] > 0
    effect = treated - control
    assert effect[moved, 0].mean() > effect[moved, 1].mean() + 0.15
    np.testing.assert_allclose(effect.mean(axis=0), mean_effects(given), atol=0.03)


def test_the_constant_says_the_same_of_everybody() -> None:
    given = trial(arms=2)
    fitted = learners.levelled(learners.fit("constant", given, 7, rounds={}), 0.0)
    treated, control = fitted.effects().outcomes(given.matrix, [0, 1])
    clipped = (treated <= 0.0) | (treated >= 1.0)
    effect = (treated - control)[~clipped.any(axis=1)]
    np.testing.assert_allclose(effect, np.tile(mean_effects(given), (len(effect), 1)), atol=1e-9)


def test_without_a_hold_out_nothing_is_said_of_who_was_not_treated() -> None:
    given = trial()
    alone = given.where(given.arm > 0)
    treated, control = (
        learners.fit("response", alone, 7, rounds={}).effects().outcomes(alone.matrix, [0])
    )
    assert np.isnan(control).all()
    assert treated.mean() == pytest.approx(alone.outcome.mean(), abs=0.03)


def test_pseudo_outcomes_have_the_effect_as_their_mean_whatever_the_model_says() -> None:
    given = trial(40_000)
    wrong = np.full((len(given), 1), 0.9)
    found = pseudo_outcomes(given, wrong, 0.1 * wrong)[:, 0]
    moved = given.matrix[:, 0] > 0
    assert found[moved].mean() == pytest.approx(0.3, abs=0.03)
    assert found[~moved].mean() == pytest.approx(0.0, abs=0.03)


def test_what_was_not_on_offer_has_no_pseudo_outcome() -> None:
    given = separate(500)
    half = np.full((len(given), 2), 0.5)
    assert (np.isfinite(pseudo_outcomes(given, half, half)) == given.offered).all()


def test_the_slope_keeps_what_is_there_and_nothing_of_noise() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(20_000, 1))
    seen = truth + rng.normal(0, 2, truth.shape)
    assert learners.slope(truth, seen) == pytest.approx(1.0, abs=0.05)
    assert learners.slope(2 * truth, seen) == pytest.approx(0.5, abs=0.05)
    assert learners.slope(rng.normal(size=truth.shape), seen) < 0.05
    assert learners.slope(-truth, seen) == 0.0
    assert learners.slope(np.ones_like(truth), seen) == 0.0


def test_a_learner_is_chosen_where_customers_differ() -> None:
    given = trial()
    choice = choosing.choose(given, in_time(given), 7)
    assert choice.learner in KINDS
    assert choice.compared[choice.learner].difference.low > 0
    assert "was chosen" in choice.sentence()


def test_one_effect_for_everybody_is_chosen_where_they_do_not() -> None:
    given = trial(varying=False, arms=2)
    choice = choosing.choose(given, in_time(given), 7)
    assert choice.learner == "constant"
    assert "beyond chance" in choice.sentence()
    effects = choice.fit(given, 7).effects()
    treated, control = effects.outcomes(given.matrix, [0, 1])
    assert ((treated - control).argmax(axis=1) == 0).all()


def test_gain_is_half_the_effect_where_the_order_is_of_no_one() -> None:
    pseudo = np.array([[0.4], [0.0], [0.2], [0.2]])
    flat = choosing.gain(np.zeros((4, 1)), pseudo)
    assert flat(np.ones(4)) == pytest.approx(0.1)


def test_gain_by_hand_of_an_order() -> None:
    # reached one after the other: 0.4, 0.6, 0.8, 0.8 of four, straight lines between
    pseudo, score = np.array([0.2, 0.4, 0.0, 0.2]), np.array([3.0, 4.0, 1.0, 2.0])
    by_hand = (0.2 + 0.5 + 0.7 + 0.8) / 4 / 4
    assert uplift.area(pseudo, score)(np.ones(4)) == pytest.approx(by_hand)


def test_the_area_agrees_with_the_published_qini_curve_on_a_balanced_trial() -> None:
    """Radcliffe's curve as scikit-uplift has it: treated responders less held-out ones, scaled."""
    given = trial(40_000)
    score = given.matrix[:, 0]
    order = np.argsort(-score)
    treated, outcome = given.treated[order], given.outcome[order]
    held = np.cumsum(1 - treated)
    scaled = np.cumsum(outcome * (1 - treated)) * np.cumsum(treated) / np.maximum(held, 1)
    curve = np.cumsum(outcome * treated) - scaled
    published = curve.mean() / treated.sum()
    effect = uplift.transformed(
        given.outcome, given.treated, given.chance[:, 1], np.full(len(given), 0.3)
    )
    ours = uplift.area(effect, score)(np.ones(len(given)))
    assert ours == pytest.approx(published, rel=0.05)
