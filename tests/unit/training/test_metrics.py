import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from training import metrics
from training.metrics import measure

rng = np.random.default_rng(1)
SCORE = np.round(rng.random(400), 2)
TRUTH = (rng.random(400) < SCORE).astype(float)
AMOUNT = np.where(TRUTH > 0, rng.gamma(1, 50, 400), 0.0)
COUNTS = rng.integers(0, 4, 400).astype(float)


def repeated(*arrays):
    return [np.repeat(array, COUNTS.astype(int)) for array in arrays]


def test_auc_is_scikit_learns_ties_included():
    assert measure(metrics.AUC, TRUTH, SCORE) == pytest.approx(roc_auc_score(TRUTH, SCORE))


def test_spearman_is_scipys_ties_included():
    assert measure(metrics.SPEARMAN, AMOUNT, SCORE) == pytest.approx(spearmanr(AMOUNT, SCORE)[0])


def test_losses_are_scikit_learns():
    assert measure(metrics.BRIER, TRUTH, SCORE) == pytest.approx(brier_score_loss(TRUTH, SCORE))
    kept = np.clip(SCORE, 0.01, 0.99)
    assert measure(metrics.LOG_LOSS, TRUTH, kept) == pytest.approx(log_loss(TRUTH, kept))


@pytest.mark.parametrize(
    "metric", [metrics.AUC, metrics.SPEARMAN, metrics.BRIER, metrics.MAE, metrics.LEVEL]
)
def test_a_weight_is_as_many_rows(metric):
    truth = TRUTH if metric is metrics.AUC else AMOUNT
    weighted = measure(metric, truth, SCORE, COUNTS)
    assert weighted == pytest.approx(measure(metric, *repeated(truth, SCORE)))


def test_a_perfect_order_has_gini_one_and_a_reversed_one_is_negative():
    assert measure(metrics.GINI, AMOUNT, AMOUNT) == pytest.approx(1.0)
    assert measure(metrics.GINI, AMOUNT, -AMOUNT) < 0


def test_probabilities_that_come_true_have_no_calibration_error():
    probability = np.repeat([0.2, 0.7], 500)
    truth = np.concatenate([np.arange(500) < 100, np.arange(500) < 350]).astype(float)
    assert measure(metrics.CALIBRATION_ERROR, truth, probability) == pytest.approx(0.0)
    assert measure(metrics.CALIBRATION_ERROR, truth, probability + 0.1) == pytest.approx(0.1)


def test_a_total_that_is_a_fifth_too_high_has_level_error_a_fifth():
    assert measure(metrics.LEVEL, AMOUNT, AMOUNT * 1.2) == pytest.approx(0.2)
