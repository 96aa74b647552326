"""Contributions: exact parts of the very scores that are served."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retain import predictors
from retain.predictors.contributions import Contributions
from retain.predictors.linear import Linear
from tests.tiny_models import FEATURES, SINCE, matrix, write_model

HEADS = ["churn", "next_purchase", "ltv"]
BY_CURVE = "churn of orders"
WIDTH = len(FEATURES)
INPUTS = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.just(WIDTH)),
    elements=st.floats(-1e6, 1e6) | st.just(np.nan),
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for head in HEADS:
        write_model(root / head, head)
    write_model(root / BY_CURVE, "churn", by_curve=True)
    names = [*HEADS, BY_CURVE]
    return dict(zip(names, predictors.load_all([root / name for name in names]), strict=True))


def ranked(head, predictor, rows):
    """A served number that rises with the head's score."""
    if head == "churn":
        return predictor.probability(rows, np.full(len(rows), SINCE))
    if head == "ltv":
        return np.log(predictor.value(rows, np.full(len(rows), SINCE)).value / 0.8)
    return predictor.score(rows)


@pytest.mark.parametrize("head", ["next_purchase", "ltv"])
@settings(deadline=None, max_examples=60)
@given(rows=INPUTS)
def test_the_parts_sum_to_the_score_that_is_served(loaded, head, rows):
    parts = loaded[head].contributions(rows)
    np.testing.assert_allclose(parts.score, ranked(head, loaded[head], rows), rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(rows=INPUTS)
def test_the_calibrated_sum_of_the_parts_is_the_churn_probability(loaded, rows):
    parts = loaded["churn"].contributions(rows)
    calibrated = np.interp(parts.score, [-2.0, 0.0, 2.0], [0.1, 0.4, 0.9])
    np.testing.assert_allclose(
        calibrated, loaded["churn"].probability(rows, np.full(len(rows), SINCE)), rtol=0, atol=1e-9
    )


@settings(deadline=None, max_examples=60)
@given(rows=INPUTS, week=st.integers(0, 60))
def test_parts_and_season_sum_to_the_logarithm_of_the_value_at_any_moment(loaded, rows, week):
    as_of = np.full(len(rows), SINCE + np.timedelta64(7 * week, "D"))
    parts = loaded["ltv"].contributions(rows).score + loaded["ltv"].season(rows, as_of).part
    served = np.log(loaded["ltv"].value(rows, as_of).value)
    np.testing.assert_allclose(parts, served, rtol=0, atol=1e-9)


@pytest.mark.parametrize("head", ["next_purchase", BY_CURVE])
def test_the_season_raises_orders_where_the_coming_days_are_worth_more(loaded, head):
    predictor, rows = loaded[head], matrix(20)
    lean = predictor.season(rows, np.full(20, SINCE))
    rich = predictor.season(rows, np.full(20, SINCE + np.timedelta64(350, "D")))
    assert (lean.worth < 1).all()
    assert (rich.worth > 1).all()
    sign = 1 if head == "next_purchase" else -1
    assert (sign * lean.part < 0).all()
    assert (sign * rich.part > 0).all()


@pytest.mark.parametrize("head", HEADS)
def test_every_part_belongs_to_one_feature_of_the_manifest(loaded, head):
    parts = loaded[head].contributions(matrix(7))
    assert parts.values.shape == (7, len(loaded[head].manifest.features))
    assert parts.base.shape == (7,)


@pytest.mark.parametrize("head", HEADS)
def test_a_customer_has_the_same_parts_alone_and_in_any_batch(loaded, head):
    rows = matrix(23)
    together = loaded[head].contributions(rows)
    for at in range(len(rows)):
        alone = loaded[head].contributions(rows[at : at + 1])
        np.testing.assert_allclose(alone.values[0], together.values[at], atol=1e-12)


@pytest.mark.parametrize("head", HEADS)
def test_no_rows_have_no_parts(loaded, head):
    assert loaded[head].contributions(matrix(0)).values.shape == (0, WIDTH)


def test_a_column_that_is_not_used_has_no_part():
    linear = Linear(np.zeros(2), np.ones(2), np.array([0.5, 0.0]), np.zeros(2), 0.1)
    parts = linear.contributions(np.array([[3.0, 900.0]]))
    assert parts.values[0, 0] > 0
    assert parts.values[0, 1] == 0


@given(
    values=arrays(np.float64, (4, 3), elements=st.floats(-20, 20)),
    base=st.floats(-5, 5),
)
def test_a_curved_function_of_a_score_is_shared_out_whole(values, base):
    parts = Contributions(values, np.full(4, base))
    curved, at_base = np.tanh(parts.score), np.tanh(parts.base)
    mapped = parts.mapped(curved, at_base)
    np.testing.assert_allclose(mapped.score, curved, atol=1e-9)
    assert (mapped.values * values >= 0).all()
