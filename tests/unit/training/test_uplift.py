import numpy as np
import pytest

from training import uplift

rng = np.random.default_rng(8)
N = 40_000
EFFECT = np.where(np.arange(N) % 2 == 0, 0.3, 0.0)
TREATED = (rng.random(N) < 0.7).astype(float)
RESPONDED = (rng.random(N) < 0.2 + EFFECT * TREATED).astype(float)
SEEN = uplift.transformed(RESPONDED, TREATED, np.full(N, 0.7), np.full(N, 0.3))
ONES = np.ones(N)


def test_the_transformed_outcome_has_the_effect_as_its_mean():
    assert SEEN.mean() == pytest.approx(0.15, abs=0.01)
    assert SEEN[EFFECT > 0].mean() == pytest.approx(0.3, abs=0.02)


def test_targeting_by_the_effect_gains_and_by_chance_does_not():
    assert uplift.qini(SEEN, EFFECT, ONES) > 0.02
    assert uplift.qini(SEEN, rng.random(N), ONES) == pytest.approx(0.0, abs=0.005)


def test_the_best_third_has_the_effect_of_those_who_respond():
    assert uplift.among_targeted(SEEN, EFFECT, ONES) == pytest.approx(0.3, abs=0.03)
