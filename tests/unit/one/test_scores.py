"""What one customer scores alone is, to the last bit, what they score among many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.one.blends import Blends
from retain.one.curves import CurveReader, YearlyOfOne
from retain.one.ltv import Worth
from retain.predictors import calibrator, loading
from retain.predictors.blend import Blend
from retain.predictors.btyd import BuyTillYouDie, OrderOdds
from retain.predictors.linear import Linear
from retain.predictors.ltv import Interval
from retain.predictors.survival import Clock, Curves, Hazards
from retain.predictors.yearly import WEEKS, Yearly
from tests.tiny_models import matrix, write_model

WIDTH = 11
ODDS = OrderOdds(BuyTillYouDie(0.243, 4.414 * 7, 0.793, 2.426), 90.0, (2, 0, 1), (2.0, 40.0, 200.0))
SINCE = np.datetime64("2011-03-10", "us")
SINCE_US = int(SINCE.astype(np.int64))

values = st.one_of(
    st.just(float("nan")),
    st.just(0.0),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(0.0, 1_000.0),
)
rows = st.lists(values, min_size=WIDTH, max_size=WIDTH).map(np.array)
people = st.tuples(
    st.one_of(st.just(float("nan")), st.floats(0.0, 4_000.0)),
    st.one_of(st.just(float("nan")), st.floats(0.0, 4_000.0)),
    st.one_of(st.just(float("nan")), st.integers(0, 2_000).map(float)),
)


def linear(seed: int) -> Linear:
    rng = np.random.default_rng(seed)
    center, scale, weights, missing = rng.normal(size=(4, WIDTH))
    return Linear(center, np.abs(scale) + 0.1, weights, missing, rng.normal())


def tiny_curves(tail_from: int) -> Curves:
    hazards = Hazards(
        np.array([7.0, 14.0, 21.0, 30.0, 45.0, 60.0, 75.0, 90.0]),
        np.linspace(-3.0, -2.0, 8),
        np.linspace(0.3, 0.8, 8),
        tail_from,
    )
    worth = Yearly(SINCE, np.linspace([5.0, 20.0, 60.0], [9.0, 40.0, 120.0], WEEKS + 1))
    return Curves(hazards, Clock(np.array([7.0, 30.0, 90.0]), worth))


@given(rows)
def test_linear_models_of_one_row_add_up_as_for_many(row):
    blends = [Blend(((linear(seed), 0.3 + seed / 10),)) for seed in range(3)]

    alone = Blends(blends).raw(row)

    among = np.array([row, np.arange(WIDTH, dtype=float)])
    assert alone == [blend.raw(among)[0] for blend in blends]


@given(rows, people)
def test_buying_till_death_of_one_row_is_that_of_many(row, person):
    row[list(ODDS.columns)] = person[2], person[0], person[1]
    blend = Blend(((linear(1), 0.4), (ODDS, 0.6)))

    among = np.array([row, np.arange(WIDTH, dtype=float)])
    assert Blends([blend]).raw(row) == [blend.raw(among)[0]]


def test_trees_of_one_row_score_as_for_many(tmp_path):
    write_model(tmp_path / "churn", "churn")
    predictor = loading.load(tmp_path / "churn")
    many = matrix(40)

    alone = [Blends([predictor.blend]).raw(row.copy())[0] for row in many]

    assert alone == predictor.blend.raw(many).tolist()


@settings(max_examples=200)
@given(
    st.floats(-12.0, 12.0),
    st.integers(-400 * 86_400_000_000, 900 * 86_400_000_000),
    st.integers(0, 7),
)
def test_a_curve_of_one_customer_is_read_as_those_of_many(score, after, tail_from):
    curves = tiny_curves(tail_from)
    worth = curves.clock.worth
    moment = SINCE_US + after

    near, days = CurveReader(curves, (7.0, 30.0, 90.0, 180.0), (0.1, 0.5, 0.9)).read(score, moment)

    among = curves.read(np.array([score, 0.1]), np.array([moment, SINCE_US]).view("M8[us]"))
    assert near == [among.probability(each)[0] for each in (7.0, 30.0, 90.0, 180.0)]
    assert days == [among.days_until(each)[0] for each in (0.1, 0.5, 0.9)]
    assert YearlyOfOne(worth).at(moment) == worth.at(np.array([moment]).view("M8[us]"))[0].tolist()


@pytest.mark.parametrize("row", range(20))
def test_a_lifetime_value_of_one_customer_is_that_of_many(tmp_path, row):
    write_model(tmp_path / "ltv", "ltv")
    predictor = loading.load(tmp_path / "ltv")
    many = matrix(20)
    moments = SINCE + np.arange(20) * np.timedelta64(31, "D")
    worth = Worth(predictor)

    scores = Blends(list(worth.blends)).raw(many[row].copy())
    found = worth.of(scores, int(moments[row].astype(np.int64)))

    among = predictor.value(many, moments)
    assert found[:3] == (among.value[row], among.low[row], among.high[row])
    assert found.tier == predictor.tier(among.value)[row]


@given(st.floats(-40.0, 40.0))
def test_a_calibrated_score_is_the_same_alone_and_among_others(logit):
    platt = calibrator.Platt(1.2, -0.3)
    among = platt.probability(np.array([logit, 0.0]))
    assert platt.probability(logit).item() == among[0]


@given(st.floats(1e-6, 1e6))
def test_an_interval_is_the_same_alone_and_among_others(value):
    interval = Interval(np.array([0.0, 2.0, 5.0]), np.array([0.1, 0.3, 0.5]), np.array([3.0, 2, 1]))
    low, high = interval.around(np.array([value, 1.0]))
    alone = interval.around(np.array([value]))
    assert (alone[0][0], alone[1][0]) == (low[0], high[0])
