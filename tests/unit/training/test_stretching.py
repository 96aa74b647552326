import numpy as np
import pytest

from retain.predictors.btyd import BuyTillYouDie, OrderOdds
from retain.predictors.survival import Clock, Curves, Hazards
from training import hazards, stretching

rng = np.random.default_rng(5)
MODEL = BuyTillYouDie(0.9, 60.0, 0.8, 2.5)
ODDS = OrderOdds(MODEL, 30.0, (0, 1, 2), (2.0, 40.0, 200.0))


def matrix(rows=3_000):
    age = rng.uniform(20, 300, rows)
    orders = rng.integers(1, 9, rows)
    recency = np.where(orders == 1, age, age * rng.random(rows))
    return np.column_stack([orders, recency, age])


def curve() -> Hazards:
    days = rng.exponential(60.0, 3_000)
    return hazards.fit(np.zeros(3_000), np.where(days <= 30, days, np.nan), hazards.bin_ends(30))


def read(found, at):
    since = np.datetime64("2026-01-01", "us")
    curves = Curves(found, Clock.even(since, 180.0)).read(np.zeros(3), np.full(3, since))
    return curves.probability(at).mean()


def test_a_stretched_curve_is_the_same_as_far_as_it_was_learned():
    short = curve()
    longer = stretching.hazards(short, np.zeros(3_000), 180.0, 2.0)
    for days in (7.0, 20.0, 30.0):
        assert read(longer, days) == pytest.approx(read(short, days), abs=1e-9)


def test_a_stretched_curve_reaches_as_many_buyers_as_btyd_says():
    short = curve()
    longer = stretching.hazards(short, np.zeros(3_000), 180.0, 2.0)
    assert read(longer, 180.0) == pytest.approx(2.0 * read(short, 30.0), abs=1e-4)


def test_customers_who_leave_order_less_than_in_proportion():
    times = stretching.orders(ODDS, matrix(), 30.0, 180.0)
    assert 1.5 < times < 6.0
    assert 1.0 < stretching.buyers(ODDS, matrix(), 30.0, 180.0) < times


def test_nothing_is_stretched_where_labels_reach_as_far():
    assert stretching.orders(ODDS, matrix(), 90.0, 90.0) == 1.0


def test_without_btyd_orders_go_on_as_they_were():
    assert stretching.orders(None, matrix(), 30.0, 90.0) == 3.0
