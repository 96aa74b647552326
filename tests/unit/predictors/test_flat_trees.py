"""The compiled walk through a model's trees says what LightGBM says, and reads nothing else."""

import functools
import re
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import native
from retain.predictors import flat_trees
from retain.predictors.flat_trees import _Flat, walker
from retain.predictors.trees import Trees

WIDTH = 6
_COMPILED = native.compiled("trees")
compiled = pytest.mark.skipif(_COMPILED is None, reason="the hot path was not compiled")

MODELS: dict[str, dict[str, Any]] = {
    "numbers": {},
    "zeros are missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "deep": {"num_leaves": 200, "min_data_in_leaf": 1, "max_depth": -1, "rounds": 5},
    "as many leaves as a mask has bits": {"num_leaves": 64, "min_data_in_leaf": 1},
    "one leaf more than that": {"num_leaves": 65, "min_data_in_leaf": 1},
    "categories": {"categories": 20},
    "categories of two words": {"categories": 60, "min_data_per_group": 1, "cat_smooth": 0.0},
    "many categories": {"categories": 400, "min_data_per_group": 1, "cat_smooth": 0.0},
    "zeros missing among categories": {"categories": 20, "zero_as_missing": True},
    "one leaf": {"min_data_in_leaf": 10_000},
    "probabilities": {"objective": "binary"},
    "counts": {"objective": "poisson"},
    "unlike what rounds": {"objective": "cross_entropy", "bagging_fraction": 0.5, "rounds": 200},
    "dropped": {"boosting": "dart", "rounds": 30},
}

extremes = [np.nan, 0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 1e-36, -2e-36, 5e-324]
extremes += [np.inf, -np.inf, 1.7e308, -1.7e308, 2.0**31, 2.0**31 - 1, -(2.0**31), 2.0**63]
extremes += [-0.5, -1.0, -0.999, 63.0, 64.0, 63.9, 31.9, 127.0, 401.0, 1e5]
cells = st.one_of(
    st.sampled_from(extremes),
    st.floats(-4, 4),
    st.integers(-3, 450).map(float),
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
)
asked = st.lists(st.lists(cells, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=70)


@functools.cache
def trained(name: str) -> lightgbm.Booster:
    told = dict(MODELS[name])
    rng = np.random.default_rng(len(name))
    categories, rounds = told.pop("categories", None), told.pop("rounds", 20)
    rows = rng.normal(size=(3_000, WIDTH))
    rows[:, 3] *= rng.choice([0.0, 1e-36, 1.0], len(rows))
    rows[rng.random(rows.shape) < 0.15] = np.nan
    score = np.nan_to_num(rows[:, 0]) + np.abs(np.nan_to_num(rows[:, 3])) + np.isnan(rows[:, 1])
    if categories:
        rows[:, 5] = rng.integers(0, categories, len(rows))
        score += rng.normal(size=categories)[rows[:, 5].astype(int)]
    target = score + rng.normal(size=len(rows))
    match told.get("objective"):
        case "binary" | "cross_entropy":
            target = (target > 0.5).astype(float)
        case "poisson":
            target = np.floor(np.exp(np.clip(target, -2, 2)))
    parameters = {"verbose": -1, "num_threads": 1, "seed": 3, "bagging_freq": 1, **told}
    data = lightgbm.Dataset(rows, target, categorical_feature=[5] if categories else "auto")
    return lightgbm.train(parameters, data, rounds)


@functools.cache
def made(name: str) -> tuple[Any, lightgbm.Booster]:
    text = trained(name).model_to_string()
    loaded = lightgbm.Booster(model_str=text)
    return _COMPILED.Trees(WIDTH, *_Flat(text).arrays), loaded


def bits(scores: np.ndarray) -> list[int]:
    return np.asarray(scores, np.float64).view(np.int64).tolist()


@compiled
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=30, deadline=None)
@given(rows=asked)
def test_every_row_scores_bit_for_bit_as_lightgbm_says(name, rows) -> None:
    own, booster = made(name)
    matrix = np.array(rows, np.float64)
    expected = bits(booster.predict(matrix, raw_score=True, num_threads=1))
    assert bits(own.raw(matrix)) == expected
    assert bits([own.raw_of_row(row) for row in matrix]) == expected


@compiled
@pytest.mark.parametrize("name", MODELS)
def test_rows_at_the_very_thresholds_of_splits_go_where_lightgbm_sends_them(name) -> None:
    own, booster = made(name)
    features, thresholds = _Flat(booster.model_to_string()).arrays[1::4]
    rng = np.random.default_rng(4)
    matrix = rng.choice(extremes, (500, WIDTH))
    if len(features):
        picked = rng.integers(len(features), size=(500, 12))
        to = rng.choice([-np.inf, np.inf], picked.shape)
        moved = np.where(
            rng.random(picked.shape) < 0.5, thresholds[picked], np.nextafter(thresholds[picked], to)
        )
        matrix[np.arange(500)[:, np.newaxis], features[picked]] = moved
    assert bits(own.raw(matrix)) == bits(booster.predict(matrix, raw_score=True, num_threads=1))


def test_the_models_asked_have_what_they_are_asked_for() -> None:
    kinds = {
        name: set(_Flat(trained(name).model_to_string()).arrays[2].tolist()) for name in MODELS
    }
    flat = {name: _Flat(trained(name).model_to_string()).arrays for name in MODELS}
    assert {kind >> 2 for kind in kinds["zeros are missing"]} == {1}
    assert {kind >> 2 for kind in kinds["nothing is missing"]} == {0}
    assert 2 in {kind >> 2 for kind in kinds["numbers"]}
    assert any(kind & 1 for kind in kinds["categories"])
    assert np.diff(flat["many categories"][7]).max() > 2
    assert flat["deep"][0].max() > 100
    assert set(flat["one leaf"][0].tolist()) == {1}
    assert flat["as many leaves as a mask has bits"][0].max() == 64
    assert flat["one leaf more than that"][0].max() == 65
    assert np.diff(flat["categories of two words"][7]).max() == 2


@compiled
def test_trees_are_asked_of_the_walker_and_of_lightgbm_without_it(monkeypatch) -> None:
    text = trained("categories").model_to_string()
    rows = np.random.default_rng(2).normal(size=(200, WIDTH)) * 9
    walked = Trees(text)
    monkeypatch.setattr(flat_trees, "_COMPILED", None)
    plain = Trees(text)
    assert walked.walker is not None
    assert plain.walker is None
    assert bits(walked.raw(rows)) == bits(plain.raw(rows))
    assert walked.raw_of_row(rows[0]) == plain.raw_of_row(rows[0])


@compiled
def test_a_walker_that_says_anything_else_than_lightgbm_is_not_used() -> None:
    text = trained("numbers").model_to_string()
    own, _ = made("numbers")
    assert walker(text, WIDTH, own.raw) is not None
    assert walker(text, WIDTH, lambda rows: own.raw(rows) + 1e-15) is None


@compiled
def test_models_that_are_more_than_one_sum_of_leaves_are_left_to_lightgbm() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 3))
    several = {"objective": "multiclass", "num_class": 3}
    forest = {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}
    for told in ({"linear_tree": True}, several, forest):
        data = lightgbm.Dataset(rows, rng.integers(0, 3, 600))
        booster = lightgbm.train({"verbose": -1, "num_threads": 1, **told}, data, 5)
        text = booster.model_to_string()

        def score(matrix: np.ndarray, booster: lightgbm.Booster = booster) -> np.ndarray:
            return np.asarray(booster.predict(matrix, raw_score=True))

        assert walker(text, 3, score) is None


def damage(place: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., list[Any]]:
    def damaged(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [change(one.copy()) if at == place else one for at, one in enumerate(arrays)]

    return damaged


def put(where: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[where] = value
        return array

    return change


# leaves, features, kinds, left, right, thresholds, values, bounds, bits
DAMAGES = {
    "no leaf": damage(0, put(0, 0)),
    "more leaves than values": damage(0, put(0, 4_000)),
    "too many leaves": damage(0, put(0, 40_000)),
    "a feature beyond the row": damage(1, put(0, WIDTH)),
    "a negative feature": damage(1, put(0, -1)),
    "a kind of missing that is none": damage(2, put(0, 12)),
    "a negative kind": damage(2, put(0, -2)),
    "a walk that returns": damage(3, put(1, 0)),
    "a split that is its own child": damage(4, put(0, 0)),
    "a child beyond the tree": damage(3, put(0, 30_000)),
    "a leaf beyond the tree": damage(4, put(0, -30_000)),
    "splits cut short": damage(1, lambda array: array[:-1]),
    "sides cut short": damage(4, lambda array: array[:-1]),
    "thresholds cut short": damage(5, lambda array: array[:-1]),
    "values cut short": damage(6, lambda array: array[:-1]),
    "bounds that fall": damage(7, put(1, 30_000)),
    "bounds that do not begin": damage(7, put(0, 1)),
    "no bounds": damage(7, lambda array: array[:0]),
    "bits cut short": damage(8, lambda array: array[:-1]),
    "a dimension too many": damage(5, lambda array: array[:, np.newaxis]),
}


@compiled
@pytest.mark.parametrize("what", DAMAGES)
def test_damaged_trees_are_refused_before_they_are_walked(what) -> None:
    arrays = list(_Flat(trained("categories").model_to_string()).arrays)
    _COMPILED.Trees(WIDTH, *arrays)
    with pytest.raises(ValueError, match="damaged trees"):
        _COMPILED.Trees(WIDTH, *DAMAGES[what](arrays))


@compiled
def test_a_split_by_no_number_sends_everybody_known_to_the_right() -> None:
    # one tree: feature 0 against NaN, missing to the left; then feature 1 against 0
    ints = [np.array(one, np.int32) for one in ([3], [0, 1], [10, 8], [-1, -2], [1, -3])]
    numbers = [np.array(one) for one in ([np.nan, 0.0], [1.0, 2.0, 3.0])]
    own = _COMPILED.Trees(2, *ints, *numbers, np.zeros(1, np.int32), np.zeros(0, np.uint32))
    rows = np.tile([[np.nan, 5.0], [-1e300, -1.0], [1e300, 1.0], [0.0, np.nan]], (10, 1))
    assert own.raw(rows).tolist() == [1.0, 2.0, 3.0, 3.0] * 10
    assert [own.raw_of_row(row) for row in rows] == own.raw(rows).tolist()


@compiled
@pytest.mark.parametrize("number", [-1.0, 1e9, np.nan, np.inf])
def test_categories_that_are_not_there_are_refused(number) -> None:
    arrays = list(_Flat(trained("categories").model_to_string()).arrays)
    split = int(np.flatnonzero(arrays[2] & 1)[0])
    arrays[5][split] = number
    with pytest.raises(ValueError, match="no such categories"):
        _COMPILED.Trees(WIDTH, *arrays)


@compiled
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_trees_of_random_numbers_are_refused_or_score_every_row(data) -> None:
    arrays = list(_Flat(trained("many categories").model_to_string()).arrays)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 8))
        numbers = st.integers(-3, 70_000) if place != 8 else st.integers(0, 70_000)
        at = data.draw(st.integers(0, len(arrays[place]) - 1))
        arrays[place] = put(at, data.draw(numbers))(arrays[place].copy())
    try:
        own = _COMPILED.Trees(WIDTH, *arrays)
    except ValueError:
        return
    assert len(own.raw(np.random.default_rng(1).choice(extremes, (20, WIDTH)))) == 20


@compiled
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, WIDTH + 1)),
        np.zeros((2, WIDTH - 1)),
        np.zeros(WIDTH),
        np.zeros((2, 2 * WIDTH))[:, ::2],
        np.asfortranarray(np.zeros((2, WIDTH))),
        np.zeros((2, WIDTH), np.float32),
        np.zeros((2, WIDTH), ">f8"),
        [[0.0] * WIDTH],
    ],
)
def test_rows_that_are_no_contiguous_doubles_of_the_width_are_refused(rows) -> None:
    own, _ = made("numbers")
    with pytest.raises(ValueError, match="contiguous"):
        own.raw(rows)
    with pytest.raises(ValueError, match="contiguous"):
        own.raw_of_row(np.zeros(WIDTH + 1))


@compiled
def test_no_rows_have_no_scores() -> None:
    own, _ = made("numbers")
    assert own.raw(np.empty((0, WIDTH))).shape == (0,)


@compiled
def test_what_a_text_names_after_its_last_tree_is_no_part_of_it() -> None:
    text = trained("numbers").model_to_string()
    told = re.sub(r"feature_importances:\n", "feature_importances:\nnum_leaves=1\n", text)
    assert told != text
    assert [a.tolist() for a in _Flat(told).arrays] == [a.tolist() for a in _Flat(text).arrays]


@compiled
def test_a_capsule_keeps_its_model() -> None:
    capsule = _COMPILED.Trees(WIDTH, *_Flat(trained("numbers").model_to_string()).arrays).capsule
    assert "retain.trees" in repr(capsule)
