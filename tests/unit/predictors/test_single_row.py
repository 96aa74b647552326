"""One row scored by the fast call is what LightGBM says of it in a matrix."""

from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest

from retain.predictors.few_rows import MOST
from retain.predictors.trees import Trees


@pytest.fixture(scope="module")
def model() -> str:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(800, 6))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[:, 5] = rng.integers(0, 9, 800)
    target = np.nan_to_num(rows[:, 0]) + (rows[:, 5] % 2) + rng.normal(size=800)
    data = lightgbm.Dataset(rows, target, categorical_feature=[5])
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, data, 30)
    return booster.model_to_string()


@pytest.fixture(scope="module")
def asked() -> np.ndarray:
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(300, 6))
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[:, 5] = rng.integers(-1, 12, 300)
    return rows


def test_a_row_alone_scores_bit_for_bit_as_in_a_matrix(model, asked) -> None:
    trees = Trees(model)
    together = trees.raw(asked)
    alone = np.concatenate([trees.raw(row[np.newaxis]) for row in asked])
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("rows", [2, 33, MOST, MOST + 1])
def test_a_few_rows_score_bit_for_bit_as_among_many(model, asked, rows) -> None:
    trees = Trees(model)
    assert np.array_equal(trees.raw(asked[:rows]), trees.raw(asked)[:rows])


def test_threads_that_share_a_model_do_not_mix_their_rows(model, asked) -> None:
    trees = Trees(model)
    expected = trees.raw(asked)

    def score(position: int) -> float:
        return float(trees.raw(asked[position : position + 1])[0])

    places = [n % len(asked) for n in range(6_000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(score, places, chunksize=50))
    assert np.array_equal(found, expected[places])


def test_a_row_that_is_a_slice_of_a_larger_matrix_is_read_from_its_place(model, asked) -> None:
    trees = Trees(model)
    fortran = np.asfortranarray(asked)
    assert trees.raw(fortran[7:8])[0] == trees.raw(asked)[7]
