import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score

from training import curves
from training.bootstrap import Bootstrap

rng = np.random.default_rng(3)
SCORE = np.round(rng.random(2_000), 3)
TRUTH = (rng.random(2_000) < SCORE).astype(float)
RESAMPLED = Bootstrap(np.arange(2_000), 7, 60)


def test_the_area_under_the_roc_curve_is_scikit_learns_auc():
    curve = curves.roc(TRUTH, SCORE)
    assert auc(curve.x, curve.y) == pytest.approx(roc_auc_score(TRUTH, SCORE), abs=0.002)
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)


def test_precision_at_full_recall_is_scikit_learns():
    curve = curves.precision_recall(TRUTH, SCORE)
    precision, recall, _ = precision_recall_curve(TRUTH, SCORE)
    assert curve.y[-1] == pytest.approx(precision[recall == 1.0][0], abs=0.01)


def test_everybody_contacted_reaches_everything_and_nobody_nothing():
    curve = curves.gain(TRUTH, SCORE)
    assert (curve.x[0], curve.y[0]) == (0, 0)
    assert (curve.x[-1], curve.y[-1]) == (1, pytest.approx(1))


@pytest.mark.parametrize("kind", ["roc", "gain", "precision_recall", "lift"])
def test_a_curve_with_its_interval_is_the_curve_and_lies_within_it(kind):
    found = curves.banded(kind, TRUTH, SCORE, RESAMPLED)
    plain = curves.gain(TRUTH, SCORE) if kind == "lift" else getattr(curves, kind)(TRUTH, SCORE)
    plain = curves.lift(plain) if kind == "lift" else plain
    np.testing.assert_allclose(found.y, np.interp(found.x, plain.x, plain.y), atol=0.03)
    inside = (found.low <= found.y) & (found.y <= found.high)
    assert inside.mean() > 0.9
    assert np.mean(found.high - found.low) < 0.3


def test_rows_of_one_score_are_reached_together():
    curve = curves.gain(np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4))
    assert curve.x.tolist() == [0.0, 1.0]


def test_tenths_hold_all_rows_and_fall_in_what_they_predict():
    tenths = curves.deciles(TRUTH, SCORE, RESAMPLED)
    assert sum(one.rows for one in tenths) == len(TRUTH)
    assert sum(one.share for one in tenths) == pytest.approx(1)
    predicted = [one.predicted for one in tenths]
    assert predicted == sorted(predicted, reverse=True)
    assert all(one.low < one.observed < one.high for one in tenths)
    assert tenths[0].lift == pytest.approx(tenths[0].observed / TRUTH.mean())


def test_a_calibrated_score_lies_in_its_groups_intervals():
    bins = curves.reliability(TRUTH, SCORE)
    assert len(bins) == 10
    assert sum(one.low <= one.predicted <= one.high for one in bins) >= 8


def test_a_score_twice_too_high_lies_outside_them():
    bins = curves.reliability(TRUTH * (rng.random(2_000) < 0.5), SCORE)
    assert sum(one.low <= one.predicted <= one.high for one in bins) <= 2


def test_wilsons_interval_is_the_textbooks():
    low, high = curves.wilson(10, 100)
    assert (low, high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))


def test_an_interval_that_holds_half_is_said_to_hold_half():
    truth = np.r_[np.zeros(500), np.full(500, 10.0)]
    bins = curves.coverage(truth, np.full(1000, -1.0), np.ones(1000), rng.random(1000))
    shares = [one.observed for one in bins]
    assert np.average(shares, weights=[one.rows for one in bins]) == pytest.approx(0.5)


def test_observed_survival_counts_those_who_never_ordered():
    days = np.array([5.0, np.nan, 20.0, np.nan])
    said = {7: np.full(4, 0.25), 30: np.full(4, 0.5)}
    [(predicted, observed)] = curves.survival(days, said, groups=1)
    assert observed.x.tolist() == [0, 7, 30]
    assert observed.y.tolist() == [0, 0.25, 0.5]
    assert predicted.y.tolist() == [0, 0.25, 0.5]
