"""What a learner says when it is fitted is what the service says of its files."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from retain import manifest
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.predictors import ResponsePredictor, load
from retain.predictors.effects import MODELS
from training.policies import learners, levelling
from training.policies.trial import Trial

FEATURES = tuple(ModelFeature(name=name) for name in ("one", "two"))


@pytest.fixture(scope="module")
def trial() -> Trial:
    rng = np.random.default_rng(1)
    matrix, arm = rng.normal(size=(1_200, 2)), rng.integers(0, 3, 1_200)
    outcome = (rng.random(1_200) < 0.2 + 0.1 * (matrix[:, 0] > 0) * arm).astype(float)
    chance = np.full((1_200, 3), 1 / 3)
    return Trial(matrix, FEATURES, ("mail", "push"), arm, outcome, chance, np.arange(1_200))


@pytest.mark.parametrize("learner", sorted(MODELS))
def test_a_served_learner_says_what_the_fitted_one_does(learner, trial, tmp_path) -> None:
    given = trial.where(trial.arm > 0) if learner == "response" else trial
    fitted = learners.fit(learner, given, 7, rounds={})
    if learner != "response":
        fitted = levelling.levelled(fitted, 0.6)
    files = {**fitted.files(), "effects.json": json.dumps(fitted.side())}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    described = Manifest(
        head="response",
        features=FEATURES,
        horizon_days=14,
        training=TrainingWindow(as_of=datetime(2026, 1, 1, tzinfo=UTC)),
        parameters={"action_ids": ["mail", "push"], "window_days": 14, "mean_response": {}},
    )
    manifest.seal(tmp_path, described)
    served = load(tmp_path)
    assert isinstance(served, ResponsePredictor)
    assert served.mode == ("response_only" if learner == "response" else "uplift")
    treated, control = served.response(trial.matrix, ["push", "unheard_of", "mail"])
    expected = fitted.effects().outcomes(trial.matrix, [1, 0])
    np.testing.assert_array_equal(treated[:, [0, 2]], expected[0])
    np.testing.assert_array_equal(control[:, [0, 2]], expected[1])
    assert np.isnan(treated[:, 1]).all()
