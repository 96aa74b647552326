"""The next shares of a bandit."""

import numpy as np
import pytest

from training.experiments import bandit
from training.experiments.sums import running


def shares(successes: list[int], trials: list[int], floor: float = 0.05) -> dict[str, float]:
    arms = np.repeat(np.arange(len(trials)), trials)
    values = np.concatenate(
        [np.arange(n) < s for s, n in zip(successes, trials, strict=True)]
    ).astype(float)
    looks = np.zeros(len(arms), dtype=int)
    share = np.array(trials)[arms] / sum(trials)
    of = running(values, arms, share, looks, (1, len(trials)))
    return bandit.shift([f"arm{n}" for n in range(len(trials))], of, floor).shares


def test_the_better_arm_gets_more_and_the_worse_one_keeps_the_floor() -> None:
    found = shares([50, 120], [1_000, 1_000])
    assert found == pytest.approx({"arm0": 0.05, "arm1": 0.95})


def test_equal_arms_share_evenly() -> None:
    assert shares([50, 50], [1_000, 1_000])["arm0"] == pytest.approx(0.5, abs=0.01)


def test_without_data_nobody_is_preferred() -> None:
    assert shares([0, 0, 0], [1, 1, 1])["arm2"] == pytest.approx(1 / 3, abs=0.01)


def test_shares_are_one_together_and_none_below_the_floor() -> None:
    found = shares([10, 11, 30, 90], [500, 500, 500, 500], floor=0.1)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) == pytest.approx(0.1)


def test_the_same_data_give_the_same_shares() -> None:
    assert shares([20, 30], [400, 400]) == shares([20, 30], [400, 400])


def test_a_few_heavy_customers_weigh_no_more_than_they_say() -> None:
    # 2,000 customers at 5 % against 20 at 10 %, each standing for a hundred: no proof of anything
    assert shares([100, 2], [2_000, 20])["arm1"] < 0.95
