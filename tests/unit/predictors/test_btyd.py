import numpy as np
import pytest

from retain.predictors.btyd import BuyTillYouDie, OrderOdds

CDNOW = BuyTillYouDie(0.243, 4.414 * 7, 0.793, 2.426)
ODDS = OrderOdds(CDNOW, 90.0, (2, 0, 1), (2.0, 40.0, 200.0))


def people(rows=200):
    rng = np.random.default_rng(4)
    age = rng.uniform(1, 700, rows)
    return np.column_stack(
        [age * rng.random(rows), age, rng.integers(1, 60, rows), rng.random(rows)]
    )


def test_log_odds_are_those_of_the_probability_of_an_order():
    rows = people()
    recency, age, orders = rows[:, 0], rows[:, 1], rows[:, 2]
    p = CDNOW.probability_order(orders - 1, age - recency, age, 90.0)
    np.testing.assert_allclose(1 / (1 + np.exp(-ODDS.raw(rows))), np.clip(p, 1e-9, 1), atol=1e-12)


def test_the_parts_sum_to_the_log_odds_and_only_its_columns_have_any():
    rows = people()
    parts = ODDS.contributions(rows)
    np.testing.assert_allclose(parts.score, ODDS.raw(rows), atol=1e-9)
    assert (parts.values[:, 3] == 0).all()


def test_a_customer_like_the_usual_one_has_no_parts():
    usual = np.array([[40.0, 200.0, 2.0, 9.0]])
    np.testing.assert_allclose(ODDS.contributions(usual).values, 0, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_whoever_stopped_after_a_thousand_orders_is_gone_and_nothing_overflows():
    gone = np.array([[3_000.0, 3_400.0, 1_000.0, 0.0]])
    assert ODDS.raw(gone)[0] < -20


def test_whoever_never_ordered_is_like_who_just_began():
    nobody = np.array([[np.nan, np.nan, np.nan, 0.0]])
    began = np.array([[0.0, 0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(ODDS.raw(nobody), ODDS.raw(began))


def test_what_is_written_is_read_back():
    again = OrderOdds.from_json(ODDS.to_json())
    np.testing.assert_array_equal(again.raw(people()), ODDS.raw(people()))
