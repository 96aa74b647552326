"""BG/NBD and Gamma-Gamma: known customers are recovered, and the formulas agree with counting."""

import numpy as np
import pytest

from retain.errors import NotEnoughData
from training.btyd import BgNbd, GammaGamma

TRUTH = BgNbd(r=0.8, alpha=20.0, a=0.8, b=2.5)
WEEKS = 52.0


def simulated(truth: BgNbd, customers: int, age: float, horizon: float):
    """Frequency and recency up to ``age`` and orders within ``horizon`` after it, by counting."""
    random = np.random.default_rng(5)
    rate = random.gamma(truth.r, 1 / truth.alpha, customers)
    leaves = random.beta(truth.a, truth.b, customers)
    frequency, recency, later = (np.zeros(customers) for _ in range(3))
    clock, alive = np.zeros(customers), np.ones(customers, dtype=bool)
    while alive.any():
        clock = clock + random.exponential(1 / rate)
        alive &= clock <= age + horizon
        within = alive & (clock <= age)
        frequency += within
        recency = np.where(within, clock, recency)
        later += alive & ~within
        alive &= random.random(customers) > leaves
    return frequency, recency, np.full(customers, age), later


def test_the_parameters_that_made_the_customers_are_found_again() -> None:
    frequency, recency, age, _ = simulated(TRUTH, 20_000, WEEKS, 26)
    found = BgNbd.fit(frequency, recency, age)
    assert found.r == pytest.approx(TRUTH.r, rel=0.1)
    assert found.alpha == pytest.approx(TRUTH.alpha, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(TRUTH.a / (TRUTH.a + TRUTH.b), rel=0.1)


def test_expected_orders_and_the_chance_of_one_agree_with_counting() -> None:
    frequency, recency, age, later = simulated(TRUTH, 50_000, WEEKS, 26)
    expected = TRUTH.expected_orders(frequency, recency, age, 26)
    chance = TRUTH.probability_order(frequency, recency, age, 26)
    assert expected.mean() == pytest.approx(later.mean(), rel=0.05)
    assert chance.mean() == pytest.approx((later > 0).mean(), rel=0.05)
    for count in (0, 1, 3):
        same = frequency == count
        assert chance[same].mean() == pytest.approx((later[same] > 0).mean(), abs=0.02)


def test_the_published_cdnow_parameters_give_the_published_expectation() -> None:
    """Fader, Hardie & Lee's example: x=2, t_x=30.43, T=38.86 expects 1.226 orders in 39 weeks."""
    cdnow = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    one = [np.array([value]) for value in (2.0, 30.43, 38.86)]
    assert cdnow.expected_orders(*one, 39.0)[0] == pytest.approx(1.226, abs=0.001)


def test_a_customer_without_a_repeat_order_is_alive_by_definition() -> None:
    none = np.zeros(1)
    assert TRUTH.probability_alive(none, none, np.array([WEEKS]))[0] == 1


def test_nobody_with_two_orders_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        BgNbd.fit(np.zeros(5), np.zeros(5), np.ones(5))


def test_gamma_gamma_finds_the_population_it_was_drawn_from_and_shrinks_towards_it() -> None:
    random = np.random.default_rng(7)
    p, q, gamma = 6.0, 4.0, 15.0
    own = random.gamma(q, 1 / gamma, 20_000)
    orders = random.integers(1, 8, 20_000).astype(float)
    mean = random.gamma(p * orders, 1 / (own * orders))
    found = GammaGamma.fit(orders, mean)
    assert found.p * found.gamma / (found.q - 1) == pytest.approx(p * gamma / (q - 1), rel=0.05)
    few, many = found.expected_value(np.array([1.0, 50.0]), np.array([300.0, 300.0]))
    assert few < many < 300
