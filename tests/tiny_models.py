"""Real, tiny models in folders, for every test that needs something that predicts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np

from retain import manifest
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.predictors.linear import Linear
from retain.predictors.survival import Clock
from retain.predictors.yearly import WEEKS, Yearly

BANDS = {"medium": 1 / 3, "high": 2 / 3}
SINCE = np.datetime64("2011-03-10", "us")

FEATURES = (
    ModelFeature(name="order_recency_days"),
    ModelFeature(name="orders_90d", null_default=0.0),
    ModelFeature(name="net_spend_90d", null_default=0.0),
)


def write_model(
    folder: Path, head: str, features=FEATURES, seed: int = 7, *, by_curve: bool = False
) -> Manifest:
    """A model of ``head`` over ``features``, fitted on noise in which the first one matters.

    ``by_curve`` makes a churn model of orders, which is the next purchase's of the same seed.
    """
    folder.mkdir(parents=True)
    width = len(features)
    writers = {
        "churn": _orders_and_churn if by_curve else _churn,
        "next_purchase": _next_purchase,
        "ltv": _ltv,
        "response": _response,
    }
    parameters = writers[head](folder, width, np.random.default_rng(seed))
    return manifest.seal(
        folder,
        Manifest(
            head=head,
            features=tuple(features),
            horizon_days=90,
            label="a tiny model for tests",
            training=TrainingWindow(as_of=datetime(2011, 3, 10, tzinfo=UTC)),
            parameters=parameters,
            beats_baseline=True,
        ),
    )


def matrix(rows: int, width: int = len(FEATURES), seed: int = 3) -> np.ndarray:
    """Positive numbers, a tenth of them missing."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.5, 40.0, (rows, width))
    values[rng.random((rows, width)) < 0.1] = np.nan
    return values


def moments(rows: int) -> np.ndarray:
    """Moments of scoring, some days apart, before and after the models were trained."""
    return SINCE + np.arange(rows) * np.timedelta64(40, "D") - np.timedelta64(80, "D")


def _trees(path: Path, width: int, objective: str, rng: np.random.Generator) -> None:
    inputs = matrix(400, width, int(rng.integers(1_000)))
    signal = np.nan_to_num(inputs[:, 0]) / 60 + rng.normal(0, 0.5, 400)
    target = (signal > 1).astype(float) if objective == "binary" else np.exp(signal)
    booster = lightgbm.train(
        {"objective": objective, "num_leaves": 5, "verbosity": -1, "num_threads": 1, "seed": 7},
        lightgbm.Dataset(inputs, target),
        num_boost_round=12,
    )
    path.write_text(booster.model_to_string())


def _linear(width: int) -> dict:
    ones = np.ones(width)
    return Linear(3 * ones, ones, 0.3 * ones, 0.1 * ones, -0.2).to_json()


def _halves(width: int) -> dict:
    return {"shares": {"trees": 0.5, "linear": 0.5}, "linear": _linear(width)}


def _json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content))


def _churn(folder: Path, width: int, rng: np.random.Generator) -> dict:
    _trees(folder / "model.txt", width, "binary", rng)
    _json(folder / "model.json", _halves(width))
    isotonic = {"logits": [-2.0, 0.0, 2.0], "probabilities": [0.1, 0.4, 0.9]}
    _json(folder / "calibration.json", {"method": "isotonic", **isotonic})
    return {"hiatus_days": 120, "bands": BANDS}


def _orders_and_churn(folder: Path, width: int, rng: np.random.Generator) -> dict:
    return {**_next_purchase(folder, width, rng), "hiatus_days": 120, "bands": BANDS}


def _next_purchase(folder: Path, width: int, rng: np.random.Generator) -> dict:
    _trees(folder / "model.txt", width, "binary", rng)
    _json(folder / "model.json", _halves(width))
    hazards = {
        "ends": [7, 14, 21, 30, 45, 60, 75, 90],
        "offsets": [-2.5] * 8,
        "slopes": [0.5] * 8,
        "tail_from": 4,
    }
    _json(folder / "hazards.json", hazards)
    worth = Yearly(SINCE, np.linspace([5.0, 20.0, 60.0], [9.0, 40.0, 120.0], WEEKS + 1))
    _json(folder / "season.json", Clock(np.array([7.0, 30.0, 90.0]), worth).to_json())
    return {}


def _ltv(folder: Path, width: int, rng: np.random.Generator) -> dict:
    _trees(folder / "model.txt", width, "tweedie", rng)
    _json(folder / "model.json", {"shares": {"trees": 1.0}})
    _trees(folder / "buys.txt", width, "binary", rng)
    _json(folder / "buys.json", {"shares": {"trees": 1.0}})
    _json(
        folder / "value.json",
        {"kind": "hurdle", "level": 1.1, "buys": {"slope": 1.0, "offset": 0.1}},
    )
    interval = {"log_values": [0.0, 5.0], "low_ratios": [0.0, 0.4], "high_ratios": [4.0, 2.0]}
    _json(folder / "interval.json", interval)
    season = Yearly(SINCE, np.linspace([0.8], [1.4], WEEKS + 1))
    _json(folder / "season.json", season.to_json())
    return {"tiers": {"names": ["low", "medium", "high", "top"], "edges": [1.0, 3.0, 6.0]}}


def _response(folder: Path, width: int, rng: np.random.Generator) -> dict:
    # an S-learner of two actions: what was offered, what was carried out, and whether anything was
    _trees(folder / "outcome.txt", width + 2 + 2 + 1, "binary", rng)
    effects = {
        "learner": "s",
        "separate": True,
        "level": {"slope": 1.0, "offsets": [0.0, 0.0]},
        "calibration": {"outcome": {"method": "platt", "slope": 1.0, "offset": 0.0}},
    }
    _json(folder / "effects.json", effects)
    actions = ["win_back_email", "welcome_push"]
    return {
        "action_ids": actions,
        "window_days": 14,
        "mean_response": dict.fromkeys(actions, 0.2),
    }
