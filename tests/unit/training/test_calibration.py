import numpy as np
import pytest

from retain.predictors.calibrator import Isotonic, Platt, sigmoid
from training import calibration
from training.metrics import CALIBRATION_ERROR, measure

rng = np.random.default_rng(3)
LOGIT = rng.normal(size=6000)


def drawn(probability):
    return (rng.random(len(probability)) < probability).astype(float)


def test_platt_finds_the_slope_and_the_offset():
    found = calibration.platt(LOGIT, drawn(sigmoid(1.5 * LOGIT - 0.8)))
    assert found.slope == pytest.approx(1.5, abs=0.15)
    assert found.offset == pytest.approx(-0.8, abs=0.15)


def test_platt_is_not_lost_far_from_its_start():
    far = 3.0 * LOGIT - 9.0
    found = calibration.platt(far, drawn(sigmoid(0.5 * far + 8.0)))
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.offset == pytest.approx(8.0, abs=0.7)


def test_platt_gets_the_level_of_a_rare_outcome_right():
    truth = drawn(np.full(len(LOGIT), 0.97))
    found = calibration.platt(LOGIT * 0.01 - 4.0, truth)
    assert found.probability(LOGIT * 0.01 - 4.0).mean() == pytest.approx(truth.mean(), abs=0.002)


def test_one_outcome_alone_is_calibrated_to_nearly_certain():
    found = calibration.platt(LOGIT, np.ones(len(LOGIT)))
    assert 0.99 < found.probability(LOGIT).min() <= 1.0


def test_platt_never_reverses_the_order():
    assert calibration.platt(LOGIT, drawn(sigmoid(-2 * LOGIT))).slope > 0


def test_isotonic_follows_a_step_platt_cannot():
    probability = np.where(LOGIT > 0.5, 0.9, np.where(LOGIT > -0.5, 0.3, 0.25))
    truth = drawn(probability)
    customers = np.arange(len(LOGIT)).astype(object)
    found = calibration.choose(LOGIT, truth, customers)
    assert isinstance(found, Isotonic)
    assert measure(CALIBRATION_ERROR, truth, found.probability(LOGIT)) < 0.02


def test_few_customers_are_calibrated_by_platt():
    few = LOGIT[:200]
    found = calibration.choose(few, drawn(sigmoid(few)), np.arange(200).astype(object))
    assert isinstance(found, Platt)


def test_an_isotonic_probability_is_never_zero_or_one():
    found = calibration.isotonic(LOGIT, (LOGIT > 0).astype(float))
    probability = found.probability(np.array([-50.0, 50.0]))
    assert 0 < probability[0] < probability[1] < 1
