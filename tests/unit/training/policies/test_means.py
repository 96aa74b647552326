"""Mean effects where chance decided evenly, where it hardly did, and drawn together."""

import numpy as np
import pytest

from retain.manifest import ModelFeature
from training.policies.means import Means, mean_effects, measured
from training.policies.trial import Trial


def exploring(rows: int, *, seed: int, none: float = 0.01) -> Trial:
    """A policy that has all but made up its mind: it does the action to whom it moves more."""
    rng = np.random.default_rng(seed)
    moved = rng.random(rows) < 0.5
    held = np.where(moved, none, 0.3)
    chance = np.column_stack([held, 1.0 - held])
    arm = (rng.random(rows) >= held).astype(np.intp)
    outcome = (rng.random(rows) < 0.1 + 0.1 * arm).astype(float)
    return Trial(
        moved[:, np.newaxis].astype(float), (ModelFeature(name="moved"),), ("mail",), arm, outcome,
        chance, np.arange(rows),
    )  # fmt: skip


def inverse(trial: Trial) -> float:
    weight = 1.0 / trial.chance[np.arange(len(trial)), trial.arm]
    sides = [trial.arm == arm for arm in (1, 0)]
    with_it, without = (np.average(trial.outcome[s], weights=weight[s]) for s in sides)
    return float(with_it - without)


def test_where_all_had_the_same_chances_it_is_the_difference_of_plain_means():
    trial = exploring(4_000, seed=1, none=0.3)
    plain = trial.outcome[trial.arm == 1].mean() - trial.outcome[trial.arm == 0].mean()
    assert mean_effects(trial)[0] == pytest.approx(plain, abs=1e-9)


def test_a_policy_that_hardly_explores_does_not_drown_the_mean_in_the_noise_of_a_few_rows():
    trials = [exploring(2_000, seed=seed) for seed in range(40)]
    errors = {
        "overlap": [mean_effects(one)[0] - 0.1 for one in trials],
        "inverse": [inverse(one) - 0.1 for one in trials],
    }
    assert abs(np.mean(errors["overlap"])) < 0.01
    assert np.std(errors["overlap"]) < 0.5 * np.std(errors["inverse"])


def test_the_errors_are_as_large_as_the_covariance_says():
    found = [measured(exploring(1_000, seed=seed)) for seed in range(150)]
    real = np.std([one.values[0] for one in found])
    said = np.mean([one.covariance[0, 0] for one in found]) ** 0.5
    assert said == pytest.approx(real, rel=0.2)


def test_an_action_nobody_was_held_out_of_has_no_mean():
    trial = exploring(500, seed=1)
    treated = trial.where(trial.arm == 1)
    assert np.isnan(mean_effects(treated)).all()


def test_means_that_noise_explains_are_one_and_those_it_does_not_stay():
    values = np.array([0.03, 0.05, 0.04, 0.12])
    noisy = Means(values, np.eye(4) * 0.05**2).drawn_together(np.zeros(4))
    np.testing.assert_allclose(noisy, values.mean(), atol=1e-12)
    sure = Means(values, np.eye(4) * 0.001**2).drawn_together(np.zeros(4))
    np.testing.assert_allclose(sure, values, atol=0.001)


def test_noisy_means_keep_the_order_a_model_says_and_the_level_that_was_measured():
    said = np.array([0.01, 0.02, 0.03])
    found = Means(np.array([0.08, 0.04, 0.06]), np.eye(3) * 0.05**2).drawn_together(said)
    np.testing.assert_allclose(np.diff(found), np.diff(said))
    assert found.mean() == pytest.approx(0.06)


def test_a_single_mean_and_one_that_is_not_known_stay_as_they_are():
    alone = Means(np.array([0.2, np.nan]), np.eye(2)).drawn_together(np.zeros(2))
    assert alone[0] == 0.2
    assert np.isnan(alone[1])
