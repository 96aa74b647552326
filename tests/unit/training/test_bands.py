import numpy as np

from training.bands import judged
from training.bootstrap import Bootstrap

EDGES = {"medium": 1 / 3, "high": 2 / 3}


def bands(probability: np.ndarray, left: np.ndarray) -> dict[str, tuple[float, float, float]]:
    bootstrap = Bootstrap(np.array([f"c{n}" for n in range(len(left))]), 7)
    found = judged(bootstrap, left, probability, EDGES)
    return {one.metric: (one.model.low, one.model.value, one.model.high) for one in found}


def test_the_share_who_left_is_measured_in_every_band() -> None:
    probability = np.repeat([0.1, 0.5, 0.9], 200)
    left = np.concatenate([np.arange(200) < many for many in (20, 100, 180)]).astype(float)
    found = bands(probability, left)
    assert [round(value, 3) for _, value, _ in found.values()] == [0.1, 0.5, 0.9]
    assert list(found) == ["left_in_low", "left_in_medium", "left_in_high"]
    assert all(low < value < high for low, value, high in found.values())


def test_an_edge_belongs_to_the_band_above_as_in_the_answers() -> None:
    found = bands(np.repeat([1 / 3, 2 / 3], 100), np.repeat([0.0, 1.0], 100))
    assert list(found) == ["left_in_medium", "left_in_high"]


def test_a_band_with_hardly_anybody_is_not_judged() -> None:
    found = bands(np.concatenate([np.full(200, 0.1), np.full(10, 0.9)]), np.zeros(210))
    assert list(found) == ["left_in_low"]
