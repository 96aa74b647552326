"""The sample-ratio check."""

import numpy as np
import pytest

from training.experiments import balance


def check(*counts: list[int], shares=(0.5, 0.5)) -> balance.Balance:
    periods = np.array([shares] * len(counts), dtype=float)
    names = [f"arm{number}" for number in range(len(shares))]
    return balance.check(names, np.array(counts, dtype=float), periods)


def test_the_statistic_is_the_textbooks() -> None:
    # 815,482 against 821,588 visitors: Kohavi, Tang and Xu 2020, chapter 21, p of 1.8e-6
    found = check([821_588, 815_482])
    assert found.p == pytest.approx(1.8e-6, rel=0.05)
    assert found.sound is False


def test_even_arms_are_sound() -> None:
    found = check([5_010, 4_990])
    assert found.sound is True
    assert found.p > 0.8


def test_uneven_shares_are_what_was_declared() -> None:
    assert check([2_700, 7_300], shares=(0.27, 0.73)).sound is True
    assert check([5_000, 5_000], shares=(0.27, 0.73)).sound is False


def test_a_few_customers_say_nothing() -> None:
    assert check([4, 1]).sound is None


def test_each_period_is_held_to_its_own_shares() -> None:
    counts = np.array([[500.0, 500.0], [100.0, 900.0]])
    shares = np.array([[0.5, 0.5], [0.1, 0.9]])
    found = balance.check(["a", "b"], counts, shares)
    assert found.sound is True
    assert found.degrees == 2
    assert balance.check(["a", "b"], counts, shares[::-1]).sound is False


def test_the_always_valid_p_is_near_one_where_shares_hold_and_tiny_where_not() -> None:
    assert check([5_010, 4_990]).always_valid_p > 0.5
    assert check([6_000, 4_000]).always_valid_p < 1e-6
