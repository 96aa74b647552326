import numpy as np
import pytest
from scipy.stats import spearmanr

from retain.manifest import ModelFeature
from retain.predictors.calibrator import sigmoid
from training import ridge
from training.boosting import Rows

rng = np.random.default_rng(5)
N = 5000
MATRIX = np.column_stack([rng.gamma(2, 30, N), rng.gamma(1, 10, N), rng.integers(0, 3, N)])
MATRIX[rng.random(N) < 0.2, 1] = np.nan
FEATURES = [
    ModelFeature(name="a"),
    ModelFeature(name="b"),
    ModelFeature(name="c", dtype="category", categories=("x", "y", "z")),
]
TRUE = 1.2 * (np.log1p(MATRIX[:, 0]) - 4) + np.where(np.isnan(MATRIX[:, 1]), 1.0, 0.0)


def test_a_logistic_fit_finds_the_log_scaled_signal():
    target = (rng.random(N) < sigmoid(TRUE)).astype(float)
    found = ridge.fit("logit", Rows.of(MATRIX, target), FEATURES, 7)
    assert spearmanr(found.raw(MATRIX), TRUE)[0] > 0.95
    assert sigmoid(found.raw(MATRIX)).mean() == pytest.approx(target.mean(), abs=0.01)


def test_a_rare_outcome_does_not_throw_the_fit_off():
    skewed = np.column_stack([rng.lognormal(0, 3, N), rng.lognormal(0, 3, N)])
    target = (rng.random(N) < sigmoid(6.0 - 1.5 * np.log1p(skewed[:, 0]))).astype(float)
    found = ridge.fit("logit", Rows.of(skewed, target), FEATURES[:2], 7)
    assert np.abs(found.raw(skewed)).max() < 15
    assert sigmoid(found.raw(skewed)).mean() == pytest.approx(target.mean(), abs=0.005)


def test_a_share_with_a_weight_is_as_many_trials():
    trials = rng.integers(1, 5, N).astype(float)
    events = rng.binomial(trials.astype(int), sigmoid(TRUE)).astype(float)
    grouped = ridge.fit("logit", Rows(MATRIX, events / trials, trials), FEATURES, 7)
    single = Rows(
        np.vstack([MATRIX, MATRIX]),
        np.concatenate([np.ones(N), np.zeros(N)]),
        np.concatenate([events, trials - events]),
    )
    spread = ridge.fit("logit", single, FEATURES, 7)
    np.testing.assert_allclose(grouped.weights, spread.weights, atol=1e-4)


def test_least_squares_finds_a_logarithm_of_spend():
    found = ridge.fit("identity", Rows.of(MATRIX, TRUE + rng.normal(size=N)), FEATURES, 7)
    assert np.corrcoef(found.raw(MATRIX), TRUE)[0, 1] > 0.95


def test_a_category_has_no_weight():
    found = ridge.fit("logit", Rows.of(MATRIX, (TRUE > 0).astype(float)), FEATURES, 7)
    assert found.weights[2] == 0.0
    assert found.missing[2] == 0.0


def test_json_gives_the_same_scores_back():
    found = ridge.fit("identity", Rows.of(MATRIX, TRUE), FEATURES, 7)
    again = type(found).from_json(found.to_json())
    np.testing.assert_array_equal(found.raw(MATRIX), again.raw(MATRIX))
