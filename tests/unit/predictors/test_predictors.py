import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retain import predictors
from retain.errors import FingerprintMismatch
from retain.predictors import calibrator
from retain.predictors.next_purchase import Hazards, days_until, probability_within
from tests.tiny_models import matrix, write_model

HEADS = ["churn", "next_purchase", "ltv", "response"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for head in HEADS:
        write_model(root / head, head)
    return dict(zip(HEADS, predictors.load_all([root / head for head in HEADS]), strict=True))


def answers(head, predictor, rows):
    if head == "churn":
        return [predictor.probability(rows)]
    if head == "next_purchase":
        curve = predictor.curve(rows)
        return [getattr(curve, name) for name in curve.__slots__]
    if head == "ltv":
        value = predictor.value(rows)
        return [value.value, value.low, value.high]
    return list(predictor.response(rows, ["welcome_push", "win_back_email"]))


@pytest.mark.parametrize("head", HEADS)
def test_a_customer_scores_the_same_alone_and_in_any_batch(loaded, head):
    rows = matrix(97)
    together = answers(head, loaded[head], rows)
    for size in (1, 2, 3, 7, 16):
        for start in range(0, len(rows), size):
            part = answers(head, loaded[head], rows[start : start + size])
            for whole, piece in zip(together, part, strict=True):
                np.testing.assert_array_equal(whole[start : start + size], piece)


@pytest.mark.parametrize("head", HEADS)
def test_memory_layout_does_not_change_a_score(loaded, head):
    rows = matrix(33)
    for one, other in zip(
        answers(head, loaded[head], rows),
        answers(head, loaded[head], np.asfortranarray(rows)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("head", HEADS)
def test_no_rows_give_no_scores(loaded, head):
    for answer in answers(head, loaded[head], matrix(0)):
        assert len(answer) == 0


@pytest.mark.parametrize("head", HEADS)
def test_a_matrix_of_another_width_is_refused(loaded, head):
    with pytest.raises(FingerprintMismatch):
        answers(head, loaded[head], matrix(4, width=9))


def test_a_band_is_named_by_the_manifests_edges(loaded):
    assert loaded["churn"].band(np.array([0.1, 1 / 3, 0.5, 0.9])) == [
        "low",
        "medium",
        "medium",
        "high",
    ]


def test_the_purchase_curve_never_contradicts_itself(loaded):
    curve = loaded["next_purchase"].curve(matrix(300))
    assert (curve.p7 <= curve.p30).all()
    assert (curve.p30 <= curve.p90).all()
    assert (curve.low_days <= curve.median_days).all()
    assert (curve.median_days <= curve.high_days).all()
    assert ((curve.median_days <= 30) == (curve.p30 >= 0.5)).all()


def test_an_ltv_interval_holds_its_value(loaded):
    value = loaded["ltv"].value(matrix(300))
    assert (value.low <= value.value).all()
    assert (value.value <= value.high).all()
    assert (value.low >= 0).all()


def test_a_tier_is_named_by_the_manifests_edges(loaded):
    assert loaded["ltv"].tier(np.array([0.5, 1.0, 100.0])) == ["low", "medium", "top"]


def test_an_action_no_campaign_tried_has_no_response(loaded):
    treated, control = loaded["response"].response(matrix(4), ["unheard_of", "welcome_push"])
    assert np.isnan(treated[:, 0]).all()
    assert np.isnan(control[:, 0]).all()
    assert np.isfinite(treated[:, 1]).all()


def test_asking_about_no_action_answers_with_no_columns(loaded):
    treated, control = loaded["response"].response(matrix(4), [])
    assert treated.shape == control.shape == (4, 0)


HAZARDS = Hazards(
    np.array([7.0, 14, 30, 60]), (0, 0, 0, 1), np.array([-1.0, -3, 0, -8]), np.ones(4), 2
)


@settings(deadline=None)
@given(arrays(np.float64, (5, 2), elements=st.floats(-30, 30)), st.floats(0, 200))
def test_time_and_probability_are_read_from_one_monotone_curve(scores, at):
    days, cumulative = HAZARDS.days, HAZARDS.cumulative(scores)
    assert (np.diff(cumulative, axis=1) >= 0).all()
    earlier = probability_within(days, cumulative, at)
    later = probability_within(days, cumulative, at + 3)
    assert ((earlier >= 0) & (earlier <= later) & (later <= 1)).all()
    reached = days_until(days, cumulative, 0.5)
    inside = (reached < days[-1]) & (reached > 0)
    for row in np.flatnonzero(inside):
        halfway = probability_within(days, cumulative[row : row + 1], reached[row])
        assert halfway[0] == pytest.approx(0.5, abs=1e-6)


@given(arrays(np.float64, 20, elements=st.floats(-50, 50)))
def test_a_calibrator_never_reverses_two_customers(logits):
    for method in (
        {"method": "platt", "slope": 0.7, "offset": -0.3},
        {"method": "isotonic", "logits": [-1.0, 2.0], "probabilities": [0.1, 0.8]},
    ):
        probabilities = calibrator.from_json(method).probability(np.sort(logits))
        assert (np.diff(probabilities) >= 0).all()
        assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_predicting_needs_neither_scikit_learn_nor_bentoml():
    code = (
        "import sys\n"
        "for name in ('sklearn', 'bentoml', 'feast'): sys.modules[name] = None\n"
        "import retain.predictors, retain.ledger, retain.artefacts\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
