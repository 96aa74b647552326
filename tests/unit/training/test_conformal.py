import numpy as np
import pytest

from training import conformal

rng = np.random.default_rng(4)


def a_shop(n: int, buys: float):
    expected = rng.lognormal(3, 1, n)
    bought = rng.random(n) < buys
    return expected * buys, np.where(bought, expected * rng.lognormal(-0.125, 0.5, n), 0.0)


@pytest.mark.parametrize("buys", [0.4, 0.7, 1.0])
def test_four_of_five_new_outcomes_are_inside(buys):
    interval = conformal.fit(*a_shop(4000, buys))
    predicted, outcome = a_shop(4000, buys)
    assert conformal.coverage_of(interval, predicted, outcome).mean() == pytest.approx(
        0.8, abs=0.04
    )


def test_an_interval_begins_at_zero_where_many_bring_nothing():
    interval = conformal.fit(*a_shop(2000, 0.4))
    assert (interval.low_ratios == 0).all()


def test_an_interval_holds_its_prediction_even_for_few_rows():
    interval = conformal.fit(np.array([10.0, 20.0]), np.array([0.0, 100.0]))
    low, high = interval.around(np.array([5.0, 15.0, 500.0]))
    assert (low <= [5.0, 15.0, 500.0]).all()
    assert (high >= [5.0, 15.0, 500.0]).all()


def test_who_hardly_buys_is_held_by_more_and_so_the_others_by_a_little_less():
    def mixed(n: int):
        rare, often = a_shop(n // 4, 0.02), a_shop(n - n // 4, 0.7)
        rare = rare[0] / 1000, rare[1] / 1000  # apart in value, so that groups do not mix
        return tuple(np.concatenate(both) for both in zip(rare, often, strict=True))

    interval = conformal.fit(*mixed(40_000))
    predicted, outcome = mixed(40_000)
    inside = conformal.coverage_of(interval, predicted, outcome)
    assert inside[:10_000].mean() > 0.95
    assert inside[10_000:].mean() == pytest.approx(conformal.LEAST_COVERAGE, abs=0.02)
    assert inside.mean() < 0.83
