"""Intervals that are looked at every day: no more false alarms than were said in advance.

A test of one look, looked at as often, raises them several times as often. Simulated, with fixed
seeds; the numbers are repeated in docs/guides/experiments.md.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.experiments import one
from training.experiments import balance, bandit, sizes
from training.experiments.boundaries import tuned
from training.experiments.effects import Contrast, Effect, estimate
from training.experiments.sums import running

AGAINST = Contrast("b against a", (-1.0, 1.0))
ALPHA = 0.05
CUSTOMERS, DAYS, TIMES = 10_000, 60, 400
Draw = Callable[[np.random.Generator, NDArray[np.float64]], NDArray[np.float64]]


def conversions(rng: np.random.Generator, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    return (rng.random(len(rate)) < rate).astype(float)


def revenue(rng: np.random.Generator, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Few customers order, and a few of those for much."""
    return conversions(rng, rate) * rng.lognormal(3.5, 1.0, len(rate))


def trial(
    rng: np.random.Generator, draw: Draw, share: float, lift: float, customers: int
) -> tuple[Effect, float]:
    """One experiment, looked at on every day, and its true difference on average."""
    arm = (rng.random(customers) < share).astype(int)
    rate = 0.05 * np.where(arm == 1, 1 + lift, 1.0)
    values = draw(rng, rate)
    look = np.arange(customers) * DAYS // customers
    of = running(values, arm, np.where(arm == 1, share, 1 - share), look, (DAYS, 2))
    precision = tuned(customers, ALPHA)
    worth = np.exp(4.0) if draw is revenue else 1.0
    found = estimate("any", of, AGAINST, precision=precision, alpha=ALPHA)
    return found, 0.05 * lift * worth


def alarms(found: Effect) -> tuple[bool, bool]:
    """Whether any look called a difference: always-valid, and by the test of one look."""
    path = found.difference
    with np.errstate(invalid="ignore"):
        fixed = ((path.fixed_low > 0) | (path.fixed_high < 0)).any()
    return found.decided_at is not None, bool(fixed)


@pytest.mark.parametrize("draw", [conversions, revenue])
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_looking_every_day_raises_no_more_false_alarms_than_alpha(draw: Draw, share: float) -> None:
    rng = np.random.default_rng(20261122)
    raised = [alarms(trial(rng, draw, share, 0.0, CUSTOMERS)[0]) for _ in range(TIMES)]
    always, fixed = np.mean(raised, axis=0)
    assert always <= ALPHA
    assert fixed > 1.5 * ALPHA


@pytest.mark.parametrize("draw", [conversions, revenue])
def test_the_truth_is_inside_at_every_look_together(draw: Draw) -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(TIMES):
        found, truth = trial(rng, draw, 0.5, 0.2, CUSTOMERS)
        told = np.isfinite(found.difference.low)
        low, high = found.difference.low[told], found.difference.high[told]
        covered.append(((low <= truth) & (truth <= high)).all())
    assert np.mean(covered) >= 1 - ALPHA


def test_the_stated_sample_finds_the_lift_it_was_stated_for_with_the_stated_power() -> None:
    design = {"baseline_conversion": 0.05, "minimum_lift": 0.3, "power": 0.8}
    sample = sizes.required(one(design=design))
    assert sample is not None
    rng = np.random.default_rng(11)
    found = [trial(rng, conversions, 0.5, 0.3, sample.always_valid)[0] for _ in range(300)]
    called = [one_.decided_at for one_ in found if one_.verdict == "better"]
    # three standard errors of 300 draws below the stated power
    assert len(called) / len(found) > 0.8 - 3 * np.sqrt(0.8 * 0.2 / 300)
    # and it ends well before the stated sample on average
    assert np.mean([(day + 1) / DAYS for day in called]) < 0.8


def test_the_sample_ratio_check_seldom_cries_wolf_and_finds_what_is_lost() -> None:
    rng = np.random.default_rng(3)
    shares = np.array([[0.5, 0.5]])

    def alarm(lost: float) -> bool:
        """Whether any of thirty daily checks of 30,000 customers in all raises an alarm."""
        daily = rng.binomial(1_000, 0.5, size=30)
        counts = np.stack([daily * (1 - lost), 1_000 - daily], axis=1).cumsum(axis=0)
        return any(
            balance.check(["a", "b"], day[np.newaxis], shares).sound is False for day in counts
        )

    assert np.mean([alarm(0.0) for _ in range(100)]) <= 0.02
    assert np.mean([alarm(0.08) for _ in range(50)]) >= 0.95


def bandit_run(rng: np.random.Generator, rates: tuple[float, float]) -> tuple[Effect, float, float]:
    """Ten periods of a bandit whose conversion swings between them, and what it earned."""
    share, arms, shares, values = np.array([0.5, 0.5]), [], [], []
    truth = []
    for period in range(10):
        swing = 1 + 0.6 * np.sin(period)
        arm = (rng.random(1_000) < share[1]).astype(int)
        arms.append(arm)
        shares.append(share[arm])
        values.append(conversions(rng, swing * np.array(rates)[arm]))
        truth.append(swing * (rates[1] - rates[0]))
        so_far = np.concatenate(arms), np.concatenate(shares), np.concatenate(values)
        of = running(so_far[2], so_far[0], so_far[1], np.zeros(len(so_far[0]), dtype=int), (1, 2))
        shifted = bandit.shift(["a", "b"], of, floor=0.05, draws=2_000).shares
        share = np.array([shifted["a"], shifted["b"]])
    arm, probability, value = so_far
    of = running(value, arm, probability, np.arange(10_000) * DAYS // 10_000, (DAYS, 2))
    found = estimate("any", of, AGAINST, precision=tuned(10_000, ALPHA), alpha=ALPHA)
    return found, float(np.mean(truth)), float(value.mean())


def test_a_bandit_is_judged_without_bias_and_without_more_false_alarms() -> None:
    rng = np.random.default_rng(9)
    none = [bandit_run(rng, (0.08, 0.08))[0].decided_at is not None for _ in range(120)]
    assert np.mean(none) <= ALPHA
    some = [bandit_run(rng, (0.08, 0.10)) for _ in range(60)]
    errors = [found.difference.value[-1] - truth for found, truth, _ in some]
    assert abs(np.nanmean(errors)) < 3 * np.nanstd(errors) / np.sqrt(len(errors))
    # an even split earns the mean of both arms
    assert np.mean([earned for *_, earned in some]) > 1.03 * 0.09 * (
        1 + 0.6 * np.sin(range(10)).mean()
    )
