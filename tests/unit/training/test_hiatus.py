import numpy as np
import pytest

from training import hiatus


def test_the_threshold_separates_who_left_from_who_stayed():
    recency = np.array([1.0, 5, 10, 20, 40, 80, 120, 200])
    churned = np.array([0.0, 0, 0, 0, 1, 1, 1, 1])
    assert 20 < hiatus.learn(recency, churned) <= 40


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_alone_teaches_no_threshold_below_the_longest(outcome):
    assert hiatus.learn(np.array([3.0, 60.0]), np.full(2, outcome)) == 60.0
