"""Differences, lifts and their intervals from running sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments import arm, factors, one
from training.experiments import boundaries, contrasts
from training.experiments.effects import Contrast, Effect, estimate
from training.experiments.sums import Sums, running

AGAINST = Contrast("b against a", (-1.0, 1.0))


def sums(values, arms, share=0.5, looks=1, k=2) -> Sums:
    rows = len(values)
    look = np.arange(rows) * looks // rows
    shares = np.full(rows, share) if np.isscalar(share) else np.asarray(share)
    return running(np.asarray(values, float), np.asarray(arms), shares, look, (looks, k))


def effect(of: Sums, contrast=AGAINST, planned=2_000.0) -> Effect:
    precision = boundaries.tuned(planned, 0.05)
    return estimate("conversion", of, contrast, precision=precision, alpha=0.05)


def shop(control: int, treated: int, rows: int = 1_000) -> Sums:
    """``rows`` customers in each arm, of whom so many convert."""
    arms = np.arange(2 * rows) % 2
    place = np.arange(2 * rows) // 2
    return sums(place < np.where(arms == 1, treated, control), arms)


def test_difference_and_lift_are_those_of_the_plain_means() -> None:
    found = effect(shop(100, 130))
    assert found.difference.last().value == pytest.approx(0.03)
    assert found.lift.last().value == pytest.approx(0.3)


def test_the_fixed_interval_is_the_two_sample_z_interval() -> None:
    found = effect(shop(100, 130)).difference
    error = np.sqrt((0.1 * 0.9 + 0.13 * 0.87) / 1_000)
    assert found.fixed_high[-1] - 0.03 == pytest.approx(1.959964 * error, rel=1e-6)


def test_the_lifts_interval_is_the_delta_methods() -> None:
    found = effect(shop(100, 130)).lift
    error = np.sqrt(0.9 / (0.1 * 1_000) + 0.87 / (0.13 * 1_000))
    assert np.log1p(found.fixed_low[-1]) == pytest.approx(np.log(1.3) - 1.959964 * error, rel=1e-6)


def test_the_boundary_is_the_published_one() -> None:
    n, rho2, alpha = 500.0, 0.01, 0.05
    published = np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
    assert boundaries.width(np.array([n]), rho2, alpha)[0] / np.sqrt(n) == pytest.approx(published)


@given(st.floats(0.001, 0.2), st.floats(100, 1e6))
def test_no_other_tuning_is_tighter_at_the_planned_sample(alpha, planned) -> None:
    here = boundaries.width(np.array([planned]), boundaries.tuned(planned, alpha), alpha)[0]
    others = np.geomspace(1e-2, 1e2, 60) * boundaries.tuned(planned, alpha)
    best = min(boundaries.width(np.array([planned]), one_, alpha)[0] for one_ in others)
    assert here <= best * 1.005


@given(st.floats(-6, 6), st.integers(100, 10**6))
def test_p_is_below_alpha_exactly_where_the_interval_leaves_zero_out(z, n) -> None:
    precision, alpha = boundaries.tuned(10_000, 0.05), 0.05
    p = boundaries.always_valid_p(np.array([z]), np.array([n]), precision)[0]
    outside = abs(z) > boundaries.width(np.array([n]), precision, alpha)[0]
    assert outside == (p < alpha)


def test_a_large_difference_is_called_and_stays_called() -> None:
    found = effect(shop(100, 200))
    assert found.verdict == "better"
    assert found.p < 1e-6
    assert effect(shop(200, 100)).verdict == "worse"


def test_no_difference_is_left_open() -> None:
    assert effect(shop(100, 104)).verdict == "open"


def test_nothing_is_said_of_a_few_customers_or_events() -> None:
    assert effect(shop(10, 30, rows=60)).verdict == "too_early"
    assert effect(shop(1, 9)).verdict == "too_early"
    assert effect(shop(0, 0)).p == 1.0


def test_one_large_order_is_one_event() -> None:
    arms = np.arange(2_000) % 2
    values = np.where(np.arange(2_000) < 200, 1.0, 0.0)
    values[1] = 10_000.0
    assert effect(sums(values, arms)).verdict == "too_early"


def test_weights_undo_what_a_bandit_did_to_the_shares() -> None:
    # in a good week (10 %) the second arm got a tenth, in a bad one (2 %) nine tenths of everybody
    rng = np.random.default_rng(5)
    rows = 200_000
    good = np.arange(rows) < rows // 2
    share = np.where(good, 0.1, 0.9)
    arms = (rng.random(rows) < share).astype(int)
    values = rng.random(rows) < np.where(good, 0.10, 0.02)
    probability = np.where(arms == 1, share, 1 - share)
    plain = values[arms == 1].mean() - values[arms == 0].mean()
    found = effect(sums(values, arms, probability), planned=rows)
    assert plain < -0.05
    assert found.verdict == "open"
    assert found.difference.last().value == pytest.approx(0.0, abs=0.005)


def test_an_arm_without_an_event_is_not_certain_of_it() -> None:
    found = effect(shop(0, 80)).difference.last()
    assert found is not None
    assert found.high - found.low > 0.02


def test_main_effects_average_over_the_other_factor_and_interactions_do_not() -> None:
    asked = contrasts.of(one(arms=[], factors=factors()))
    by_kind = {
        kind: [each for each in asked if each.kind == kind] for kind in ("main", "interaction")
    }
    # cells: low+plain, low+warm, deep+plain, deep+warm
    assert [each.weights for each in by_kind["main"]] == [
        (-0.5, -0.5, 0.5, 0.5),
        (-0.5, 0.5, -0.5, 0.5),
    ]
    assert by_kind["interaction"][0].weights == (1.0, -1.0, -1.0, 1.0)
    assert contrasts.deciding(asked) == 2


def test_a_factorial_experiment_finds_both_effects_and_the_interaction() -> None:
    rates = {0: 0.10, 1: 0.20, 2: 0.15, 3: 0.45}
    arms = np.arange(40_000) % 4
    place = np.arange(40_000) // 4
    values = place < np.array([rates[each] for each in arms]) * 10_000
    asked = contrasts.of(one(arms=[], factors=factors()))
    of = sums(values, arms, 0.25, k=4)
    depth, tone, both = (effect(of, each).difference.last() for each in asked)
    assert depth.value == pytest.approx(0.15)
    assert tone.value == pytest.approx(0.20)
    assert both.value == pytest.approx(0.20)


def test_every_arm_is_compared_with_the_control() -> None:
    asked = contrasts.of(one(arms=[arm("a", 0.4), arm("b", 0.3), arm("c", 0.3)]))
    assert [each.name for each in asked] == ["b against a", "c against a"]
    assert asked[1].weights == (-1.0, 0.0, 1.0)
