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
from retain.predictors.survival import Clock, Curves, Hazards
from retain.predictors.yearly import WEEKS, Yearly
from tests.tiny_models import SINCE, matrix, moments, write_model

HEADS = ["churn", "next_purchase", "ltv", "response"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for head in HEADS:
        write_model(root / head, head)
    return dict(zip(HEADS, predictors.load_all([root / head for head in HEADS]), strict=True))


def answers(head, predictor, rows, as_of=None):
    as_of = moments(len(rows)) if as_of is None else as_of
    if head == "churn":
        return [predictor.probability(rows, as_of)]
    if head == "next_purchase":
        curve = predictor.curve(rows, as_of)
        return [getattr(curve, name) for name in curve.__slots__]
    if head == "ltv":
        value = predictor.value(rows, as_of)
        return [value.value, value.low, value.high]
    return list(predictor.response(rows, ["welcome_push", "win_back_email"]))


@pytest.mark.parametrize("head", HEADS)
def test_a_customer_scores_the_same_alone_and_in_any_batch(loaded, head):
    rows = matrix(97)
    as_of = moments(len(rows))
    together = answers(head, loaded[head], rows)
    for size in (1, 2, 3, 7, 16):
        for start in range(0, len(rows), size):
            end = start + size
            part = answers(head, loaded[head], rows[start:end], as_of[start:end])
            for whole, piece in zip(together, part, strict=True):
                np.testing.assert_array_equal(whole[start:end], piece)


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
    curve = loaded["next_purchase"].curve(matrix(300), moments(300))
    assert (curve.p7 <= curve.p30).all()
    assert (curve.p30 <= curve.p90).all()
    assert (curve.low_days <= curve.median_days).all()
    assert (curve.median_days <= curve.high_days).all()
    assert ((curve.median_days <= 30) == (curve.p30 >= 0.5)).all()


def test_churn_is_what_the_next_purchase_leaves_over(loaded, tmp_path):
    write_model(tmp_path / "churn", "churn", by_curve=True)
    churn, rows, as_of = predictors.load(tmp_path / "churn"), matrix(300), moments(300)
    curve = loaded["next_purchase"].curve(rows, as_of)
    np.testing.assert_array_equal(churn.probability(rows, as_of), 1 - curve.p90)
    parts = churn.contributions(rows).score
    np.testing.assert_allclose(parts, -loaded["next_purchase"].score(rows), atol=1e-9)


def test_an_amount_follows_the_season_it_is_asked_in(loaded):
    rows, year = matrix(2), np.timedelta64(364, "D")
    early = loaded["ltv"].value(rows, np.full(2, SINCE))
    late = loaded["ltv"].value(rows, np.full(2, SINCE + year - np.timedelta64(1, "h")))
    np.testing.assert_allclose(late.value / early.value, 1.4 / 0.8, rtol=1e-2)


def test_an_ltv_interval_holds_its_value(loaded):
    value = loaded["ltv"].value(matrix(300), moments(300))
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


HAZARDS = Hazards(np.array([7.0, 14, 30, 60]), np.array([-1.0, -3, 0, -8]), np.ones(4), 2)
SEASON = Clock(
    np.array([7.0, 30.0, 90.0]),
    Yearly(SINCE, np.linspace([2.0, 5.0, 200.0], [9.0, 9.0, 30.0], WEEKS + 1)),
)


@settings(deadline=None)
@given(
    arrays(np.float64, 5, elements=st.floats(-30, 30)),
    st.floats(0, 200),
    st.sampled_from([SEASON, Clock.even(SINCE, 60.0)]),
)
def test_time_and_probability_are_read_from_one_monotone_curve(scores, at, season):
    curves = Curves(HAZARDS, season).read(scores, moments(5))
    assert (np.diff(curves.cumulative, axis=1) >= 0).all()
    earlier, later = curves.probability(at), curves.probability(at + 3)
    assert ((earlier >= 0) & (earlier <= later) & (later <= 1)).all()
    reached = curves.days_until(0.5)
    for row in np.flatnonzero((reached < 3_600) & (reached > 0)):
        assert curves.probability(reached[row])[row] == pytest.approx(0.5, abs=1e-6)


def test_a_day_is_worth_a_day_where_there_is_no_season():
    scores = np.array([-1.0, 0.5])
    even = Curves(HAZARDS, Clock.even(SINCE, 60.0)).read(scores, moments(2))
    survived = 1 - 1 / (1 + np.exp(-(HAZARDS.offsets + HAZARDS.slopes * scores[:, None])))
    np.testing.assert_allclose(even.probability(7.0), 1 - survived[:, 0], atol=1e-12)
    np.testing.assert_allclose(even.probability(60.0), 1 - survived.prod(axis=1), atol=1e-12)


def test_a_busy_time_of_the_year_brings_orders_forward():
    scores = np.zeros(2)
    early = np.full(2, SINCE)
    late = early + np.timedelta64(360, "D")
    curves = Curves(HAZARDS, SEASON)
    assert (
        curves.read(scores, late).probability(7.0) > curves.read(scores, early).probability(7.0)
    ).all()
    assert (
        curves.read(scores, late).probability(90.0) < curves.read(scores, early).probability(90.0)
    ).all()


def test_the_year_repeats_itself():
    table = Yearly(SINCE, np.linspace([0.0], [1.0], WEEKS + 1))
    day = np.timedelta64(1, "D")
    times = SINCE + np.array([0, 7, 363, 371, -357]) * day
    np.testing.assert_allclose(table.at(times)[:, 0], np.array([0, 1, 51.857143, 1, 1]) / WEEKS)
    assert Yearly.from_json(table.to_json()).at(times).tolist() == table.at(times).tolist()


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
