"""Estimators on cases small enough to reckon by hand, and where all of them must agree.

Definitions: Saito et al., "Open Bandit Dataset and Pipeline" (2020).
"""

import numpy as np
import pytest

from retain.errors import InvalidInput
from training.bootstrap import Bootstrap
from training.policies.estimators import (
    DR,
    IPS,
    NAMES,
    SNDR,
    SNIPS,
    Estimator,
    compare,
    effective_sample_size,
    estimate,
    importance,
    supported,
)
from training.policies.log import Log, always, best, checked, uniform

# four decisions among two actions; the logging policy takes the first with 1/2, 1/4, 1/2, 4/5
LOG = Log(
    ("none", "mail"),
    np.array([0, 1, 1, 0]),
    np.array([1.0, 0.0, 1.0, 1.0]),
    np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5], [0.8, 0.2]]),
    np.array(["a", "b", "c", "d"]),
)
MAIL = always(LOG, np.array([1, 1, 1, 1]))
MODEL = np.array([[0.5, 0.5], [0.2, 0.4], [0.1, 0.6], [0.7, 0.9]])


def many(rows: int = 4_000, seed: int = 3) -> tuple[Log, np.ndarray]:
    """A log of an exploring policy over three actions, and the true mean rewards."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.1, 0.6, (rows, 3))
    chance = rng.dirichlet([2.0, 2.0, 2.0], rows) * 0.85 + 0.05
    chosen = (rng.random((rows, 1)) > np.cumsum(chance, axis=1)).sum(axis=1)
    reward = (rng.random(rows) < truth[np.arange(rows), chosen]).astype(float)
    return checked(Log(("none", "a", "b"), chosen, reward, chance, np.arange(rows))), truth


def test_weights_are_the_evaluated_over_the_logged_probability() -> None:
    assert importance(MAIL, LOG).tolist() == [0.0, 1 / 0.75, 2.0, 0.0]


def test_ips_is_the_weighted_reward_over_the_number_of_rows() -> None:
    assert IPS.value(MAIL, LOG) == pytest.approx(2.0 * 1.0 / 4)


def test_snips_divides_by_the_weights_instead() -> None:
    assert SNIPS.value(MAIL, LOG) == pytest.approx(2.0 / (1 / 0.75 + 2.0))


def test_dm_is_what_the_model_says_of_the_policy() -> None:
    assert Estimator("dm").value(MAIL, LOG, MODEL) == pytest.approx((0.5 + 0.4 + 0.6 + 0.9) / 4)


def test_dr_adds_the_weighted_residuals_to_the_model() -> None:
    by_hand = (0.5 + 0.4 + 0.6 + 0.9) / 4 + (1 / 0.75 * (0.0 - 0.4) + 2.0 * (1.0 - 0.6)) / 4
    assert DR.value(MAIL, LOG, MODEL) == pytest.approx(by_hand)


def test_sndr_divides_the_residuals_by_the_weights() -> None:
    residual = (1 / 0.75 * (0.0 - 0.4) + 2.0 * (1.0 - 0.6)) / (1 / 0.75 + 2.0)
    assert SNDR.value(MAIL, LOG, MODEL) == pytest.approx(0.6 + residual)


def test_a_clipped_weight_counts_as_the_clip() -> None:
    assert Estimator("ips", clip=1.5).value(MAIL, LOG) == pytest.approx(1.5 / 4)


def test_switch_leaves_the_residual_out_where_the_weight_is_large() -> None:
    by_hand = 0.6 + (1 / 0.75 * (0.0 - 0.4)) / 4
    assert Estimator("dr", switch=1.5).value(MAIL, LOG, MODEL) == pytest.approx(by_hand)


def test_switching_always_is_dm_and_never_is_dr() -> None:
    log, truth = many()
    policy = uniform(log)
    never, always_ = Estimator("dr", switch=1e9), Estimator("dr", switch=0.0)
    assert never.value(policy, log, truth) == pytest.approx(DR.value(policy, log, truth))
    dm = Estimator("dm").value(policy, log, truth)
    assert always_.value(policy, log, truth) == pytest.approx(dm)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dm"])
def test_every_estimator_of_the_logging_policy_is_the_on_policy_mean(name: str) -> None:
    log, _ = many()
    found = Estimator(name).value(log.chance, log)
    assert found == pytest.approx(log.reward.mean())


def test_dr_with_a_model_that_says_zero_is_ips() -> None:
    log, _ = many()
    policy = best(log, np.array([[0.1, 0.3, 0.2]]).repeat(len(log), axis=0))
    assert DR.value(policy, log) == pytest.approx(IPS.value(policy, log))
    nothing = np.zeros_like(log.chance)
    assert SNDR.value(policy, log, nothing) == pytest.approx(SNIPS.value(policy, log))


def test_self_normalised_estimates_move_with_a_shift_of_all_rewards() -> None:
    log, _ = many()
    policy, shifted = uniform(log), log.rewarded(log.reward + 10.0)
    assert SNIPS.value(policy, shifted) == pytest.approx(SNIPS.value(policy, log) + 10.0)
    assert IPS.value(policy, shifted) != pytest.approx(IPS.value(policy, log) + 10.0, abs=1e-6)


def test_a_good_model_narrows_the_interval_and_keeps_the_value() -> None:
    log, truth = many()
    policy = best(log, truth)
    bootstrap = Bootstrap(log.units, 1)
    plain = estimate(IPS, policy, log, bootstrap)
    helped = estimate(DR, policy, log, bootstrap, model=truth)
    assert helped.high - helped.low < 0.8 * (plain.high - plain.low)
    value = float(truth.max(axis=1).mean())
    assert helped.low < value < helped.high
    assert plain.low < value < plain.high


def test_a_better_policy_is_told_apart_on_the_same_replicates() -> None:
    log, truth = many()
    found = compare(DR, best(log, truth), uniform(log), log, Bootstrap(log.units, 1), model=truth)
    assert found.beats
    assert found.difference.value == pytest.approx(found.model.value - found.rule.value, abs=1e-12)


def test_the_effective_sample_is_all_rows_on_policy_and_fewer_off_it() -> None:
    log, truth = many()
    assert effective_sample_size(log.chance, log) == pytest.approx(len(log))
    assert effective_sample_size(best(log, truth), log) < len(log) / 2
    assert effective_sample_size(MAIL, LOG) == pytest.approx((4 / 3 + 2) ** 2 / (16 / 9 + 4))


def test_what_was_never_possible_has_no_support() -> None:
    chance = np.array([[1.0, 0.0], [0.5, 0.5]])
    log = Log(("none", "mail"), np.array([0, 1]), np.ones(2), chance, np.arange(2))
    assert supported(always(log, np.array([1, 1])), log) == 0.5
    assert supported(log.chance, log) == 1.0


def test_the_best_action_is_one_that_was_possible() -> None:
    chance = np.array([[0.5, 0.5, 0.0]])
    log = Log(("none", "a", "b"), np.array([0]), np.ones(1), chance, np.arange(1))
    assert best(log, np.array([[0.0, 0.1, 9.0]])).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("chance", "says"),
    [([[0.5, 0.4]], "do not add up"), ([[0.0, 1.0]], "never makes")],
)
def test_probabilities_that_are_none_are_refused(chance: list, says: str) -> None:
    log = Log(("none", "mail"), np.array([0]), np.ones(1), np.array(chance), np.arange(1))
    with pytest.raises(InvalidInput, match=says):
        checked(log)


def test_dm_without_a_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="model"):
        Estimator("dm").value(MAIL, LOG)
