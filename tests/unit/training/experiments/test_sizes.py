"""Required samples against textbook numbers."""

import pytest

from tests.experiments import arm, factors, one
from training.experiments import sizes


def test_two_proportions_need_what_r_says() -> None:
    # R's documentation: power.prop.test(p1 = .50, p2 = .75, power = .90) gives n = 76.7 in each
    assert sizes.for_proportions(0.50, 0.75, power=0.9) / 2 == pytest.approx(76.7, abs=0.05)


def test_two_proportions_need_what_fleiss_tabulates() -> None:
    # 5 % against 6 % with power 80 %: 8,158 in each group
    assert sizes.for_proportions(0.05, 0.06) / 2 == pytest.approx(8_157.6, abs=1)


def test_two_means_need_sixteen_times_variance_over_the_square_of_the_difference() -> None:
    # Lehr's rule of thumb (van Belle 2008): 16 s²/d² in each group
    assert sizes.for_means(0.5, 1.0) / 2 == pytest.approx(15.7 / 0.25, abs=0.2)


def test_uneven_shares_need_more() -> None:
    even = sizes.for_proportions(0.05, 0.06)
    uneven = sizes.for_proportions(0.05, 0.06, shares=(0.9, 0.1))
    assert uneven > 2.5 * even


def test_intervals_that_may_be_looked_at_daily_need_less_than_twice_as_many() -> None:
    found = sizes.required(one(design={"baseline_conversion": 0.05, "minimum_lift": 0.2}))
    assert found is not None
    assert found.fixed == pytest.approx(2 * 8_157.6, abs=2)
    assert 1.8 < found.always_valid / found.fixed < 2.0
    assert sum(found.arms.values()) == pytest.approx(found.always_valid, abs=2)


def test_more_arms_divide_the_chance_of_a_false_alarm() -> None:
    two = one(arms=[arm("a", 0.5), arm("b", 0.5)])
    three = one(arms=[arm("a", 1 / 3), arm("b", 1 / 3), arm("c", 1 / 3)])
    assert sizes.required(three).fixed > 1.5 * sizes.required(two).fixed


def test_a_factorial_experiment_needs_hardly_more_than_one_of_two_arms() -> None:
    two = one(arms=[arm("a", 0.5), arm("b", 0.5)])
    four = one(arms=[], factors=factors())
    ratio = sizes.required(four).always_valid / sizes.required(two).always_valid
    assert 1.0 < ratio < 1.35


def test_an_experiment_that_decides_by_revenue_is_sized_by_its_deviation() -> None:
    design = {
        "primary": "revenue", "revenue_mean": 2.0, "revenue_sd": 12.0, "minimum_lift": 0.1,
    }  # fmt: skip
    assert sizes.required(one(design=design)).fixed == pytest.approx(
        sizes.for_means(0.2, 12.0), abs=1
    )


def test_days_hold_the_last_customers_window() -> None:
    assert sizes.days(1_000, 100, 14) == 24


def test_what_is_not_sized_has_no_sample() -> None:
    assert sizes.required(one(status="draft", design={})) is None
