"""Learners on trials whose effects are known."""

from dataclasses import replace

import numpy as np
import pytest

from retain.manifest import ModelFeature
from training import uplift
from training.policies import choosing, learners, levelling
from training.policies.means import mean_effects
from training.policies.trial import Trial, pseudo_outcomes, surprise, unexplained

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


def of_response(rows: int = ROWS, *, seed: int = 1, against: bool = False) -> Trial:
    """A costly treatment: it moves customers by half of what they do anyway, or the others most."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 3))
    level = 0.05 + 0.35 / (1.0 + np.exp(-2.0 * matrix[:, 1]))
    effect = 0.25 - 0.6 * level if against else 0.5 * level
    arm = rng.integers(0, 2, rows)
    outcome = (rng.random(rows) < level + effect * arm).astype(float)
    chance = np.full((rows, 2), 0.5)
    return Trial(matrix, FEATURES, ("mail",), arm, outcome, chance, np.arange(rows))


def truth(given: Trial, *, against: bool) -> np.ndarray:
    level = 0.05 + 0.35 / (1.0 + np.exp(-2.0 * given.matrix[:, 1]))
    return 0.25 - 0.6 * level if against else 0.5 * level


def profit(effect: np.ndarray, true: np.ndarray, cost: float) -> float:
    return float(np.where(effect > cost, true - cost, 0.0).mean())


INDIVIDUAL = ("s", "t", "dr")
"""Those that may find any effect, not only one in proportion to the response."""


@pytest.mark.parametrize("kind", INDIVIDUAL)
def test_a_learner_finds_who_is_moved(kind: str) -> None:
    given, later = trial(), trial(seed=2)
    fitted = levelling.levelled(learners.fit(kind, given, 7, later=later), 1.0)
    unseen = trial(seed=3)
    treated, control = fitted.effects().outcomes(unseen.matrix, [0])
    effect = (treated - control)[:, 0]
    moved = unseen.matrix[:, 0] > 0
    assert effect[moved].mean() == pytest.approx(0.3, abs=0.06)
    assert effect[~moved].mean() == pytest.approx(0.0, abs=0.06)
    assert control.mean() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("kind", INDIVIDUAL)
def test_every_campaign_has_its_own_effect(kind: str) -> None:
    given = separate()
    assert given.separate
    fitted = levelling.levelled(learners.fit(kind, given, 7, rounds={}), 1.0)
    treated, control = fitted.effects().outcomes(given.matrix, [0, 1])
    moved = given.matrix[:, 0] > 0
    effect = treated - control
    assert effect[moved, 0].mean() > effect[moved, 1].mean() + 0.15
    np.testing.assert_allclose(effect.mean(axis=0), mean_effects(given), atol=0.03)


def test_the_constant_says_the_same_of_everybody() -> None:
    given = trial(arms=2)
    fitted = levelling.levelled(learners.fit("constant", given, 7, rounds={}), 0.0)
    treated, control = fitted.effects().outcomes(given.matrix, [0, 1])
    clipped = (treated <= 0.0) | (treated >= 1.0)
    effect = (treated - control)[~clipped.any(axis=1)]
    assert np.ptp(effect, axis=0).max() < 1e-9
    np.testing.assert_allclose(effect[0], mean_effects(given), atol=0.003)


def test_an_effect_in_proportion_is_one_factor_of_what_is_expected() -> None:
    given = of_response()
    fitted = levelling.levelled(learners.fit("proportional", given, 7, rounds={}), 1.0)
    effects = fitted.effects()
    assert effects.factors is not None
    # a third of what is expected with it is half of what is expected without
    assert effects.factors[0] == pytest.approx(1 / 3, abs=0.05)
    treated, control = effects.outcomes(given.matrix, [0])
    effect = (treated - control)[:, 0]
    assert np.corrcoef(effect, truth(given, against=False))[0, 1] > 0.9
    assert effect.mean() == pytest.approx(mean_effects(given)[0], abs=0.01)


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


def known(rows: int, effect: np.ndarray, *, treated: float = 0.5) -> Trial:
    rng = np.random.default_rng(5)
    arm = (rng.random(rows) < treated).astype(np.intp)
    outcome = effect[:, 0] * arm + rng.normal(0, 0.5, rows)
    chance = np.tile([1.0 - treated, treated], (rows, 1))
    return Trial(effect, FEATURES[:1], ("mail",), arm, outcome, chance, np.arange(rows), False)


@pytest.mark.parametrize("treated", [0.5, 0.95])
def test_the_slope_keeps_what_is_there_and_nothing_of_noise(treated: float) -> None:
    rng = np.random.default_rng(6)
    true = rng.normal(size=(20_000, 1))
    rows = known(20_000, true, treated=treated)
    nothing = np.zeros_like(true), np.zeros_like(true)
    assert levelling.slope(true, rows, nothing) == pytest.approx(1.0, abs=0.05)
    assert levelling.slope(2 * true, rows, nothing) == pytest.approx(0.5, abs=0.05)
    assert levelling.slope(rng.normal(size=true.shape), rows, nothing) < 0.05
    assert levelling.slope(-true, rows, nothing) == 0.0
    assert levelling.slope(np.ones_like(true), rows, nothing) == 0.0


def test_a_slope_that_is_not_sure_is_drawn_to_what_was_believed_before() -> None:
    """Probabilities are calibrated: all of their spread; of amounts half of it."""
    true = 0.1 * np.random.default_rng(8).normal(size=(20_000, 1))
    rows = known(20_000, true)
    few = rows.where(np.arange(20_000) < 400)

    def kept(given: Trial, *, binary: bool) -> float:
        none = np.zeros((len(given), 1))
        return levelling.slope(given.matrix, replace(given, binary=binary), (none, none))

    assert kept(rows, binary=True) == pytest.approx(kept(rows, binary=False), abs=0.03)
    assert kept(few, binary=True) > kept(few, binary=False) + 0.05 > 0.05


def test_what_chance_decided_is_of_no_customer_in_particular() -> None:
    given = trial(20_000, arms=2)
    assert np.abs(surprise(given).mean(axis=0)).max() < 0.02
    assert abs(np.corrcoef(surprise(given)[:, 0], given.matrix[:, 0])[0, 1]) < 0.03
    half = np.full((len(given), 2), 0.5)
    np.testing.assert_allclose(unexplained(given, half, half), given.outcome - 0.5)


def test_a_learner_is_chosen_where_customers_differ() -> None:
    given = trial()
    choice = choosing.choose(given, in_time(given), 7)
    assert choice.learner in INDIVIDUAL
    assert choice.compared[choice.learner].difference.low > 0
    assert "was chosen" in choice.sentence()


def test_one_effect_for_everybody_serves_where_they_do_not() -> None:
    given = trial(varying=False, arms=2)
    choice = choosing.choose(given, in_time(given), 7)
    treated, control = choice.fit(given, 7).effects().outcomes(given.matrix, [0, 1])
    effect = treated - control
    # the first action does twice as much, to everybody: nobody is told otherwise
    assert (effect.argmax(axis=1) == 0).mean() > 0.99
    assert effect[:, 0].std() < 0.02


def test_without_anything_confirmed_the_constant_is_chosen_and_said_to_be() -> None:
    rng = np.random.default_rng(3)
    given = of_response(1_500)
    unrelated = replace(given, outcome=rng.permutation(given.outcome))
    choices = [choosing.choose(unrelated, in_time(unrelated), seed) for seed in (1, 2, 3)]
    constant = [one for one in choices if one.learner == "constant"]
    assert constant
    assert "mean effect" in constant[0].sentence()
    assert constant[0].as_json()["slope"] == 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_the_effect_is_in_proportion_to_the_response_a_small_trial_pays(seed: int) -> None:
    given, unseen = of_response(4_000, seed=seed), of_response(20_000, seed=90 + seed)
    true, cost = truth(unseen, against=False), 0.12
    choice = choosing.choose(given, in_time(given), seed)
    effect, _ = chosen(choice, given, unseen, seed)
    flat = profit(np.full(len(true), mean_effects(given)[0]), true, cost)
    assert choice.learner in {"s", "proportional"}
    assert profit(effect, true, cost) > flat + 0.005


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_those_who_buy_anyway_are_moved_least_the_proportional_effect_is_nothing(
    seed: int,
) -> None:
    given = of_response(4_000, seed=seed, against=True)
    unseen = of_response(20_000, seed=90 + seed, against=True)
    true, cost = truth(unseen, against=True), 0.12
    choice = choosing.choose(given, in_time(given), seed)
    assert choice.slopes["proportional"] == 0.0
    assert choice.learner != "proportional"
    effect, treated = chosen(choice, given, unseen, seed)
    share = float((effect > cost).mean())
    by_response = treated >= np.quantile(treated, 1.0 - share)
    # as many by response: it loses what the order by effect earns
    assert profit(effect, true, cost) > float(np.where(by_response, true - cost, 0.0).mean())
    flat = profit(np.full(len(true), mean_effects(given)[0]), true, cost)
    assert profit(effect, true, cost) > flat - 0.002


def chosen(
    choice: choosing.Choice, given: Trial, unseen: Trial, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    treated, control = choice.fit(given, seed).effects().outcomes(unseen.matrix, [0])
    return (treated - control)[:, 0], treated[:, 0]


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
