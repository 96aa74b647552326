"""Policies learned from a shop's campaigns, judged on the campaigns after them."""

from datetime import timedelta

import numpy as np
import pytest

from retain import manifest
from retain.manifest import Manifest, TrainingWindow
from retain.predictors import ResponsePredictor, load
from tests.tiny_shop import END, EngineSource, shop
from training import response
from training.head import FittedHead
from training.policies import comparing
from training.policies.campaigns import Economy
from training.policies.comparing import Models
from training.policies.learners import KINDS

EARLY = END - timedelta(days=120)
FREE = Economy("orders", {})


@pytest.fixture(scope="module")
def events():
    return shop(customers=1_100)


@pytest.fixture(scope="module")
def head(events) -> FittedHead:
    return response.train(response.read(EngineSource(events, EARLY), EARLY), 7)


@pytest.fixture(scope="module")
def model(head, tmp_path_factory) -> ResponsePredictor:
    return written(head, tmp_path_factory.mktemp("response"))


def written(head: FittedHead, folder) -> ResponsePredictor:
    for name, content in head.files.items():
        (folder / name).write_text(content)
    window = TrainingWindow(as_of=EARLY)
    described = Manifest(
        head="response",
        features=head.features,
        horizon_days=14,
        training=window,
        parameters=head.parameters,
    )
    manifest.seal(folder, described)
    found = load(folder)
    assert isinstance(found, ResponsePredictor)
    return found


@pytest.fixture(scope="module")
def evaluated(events, model):
    models = Models([model], model.manifest.name)
    return comparing.on_campaigns(EngineSource(events, END), END, models, FREE)


def test_the_chosen_learner_and_why_stand_in_the_manifest(head) -> None:
    assert head.parameters["learner"] in {"constant", *KINDS}
    assert head.parameters["mode"] == "uplift"
    assert set(head.parameters["choice"]["candidates"]) == set(KINDS)
    assert set(head.parameters["mean_response"]) == {"welcome_push", "win_back_email"}
    assert set(head.files) >= {"effects.json"}


def test_effects_are_at_the_level_that_was_measured(events, head, model) -> None:
    given = response.read(EngineSource(events, EARLY), EARLY)
    from retain.features.matrix import to_matrix

    treated, control = model.response(to_matrix(given.columns, head.features), given.actions)
    for code, action in enumerate(given.actions):
        mean = float((treated - control)[given.codes == code, code].mean())
        assert mean == pytest.approx(head.parameters["mean_effect"][action], abs=0.03)


def test_only_what_the_model_did_not_learn_from_judges_it(evaluated) -> None:
    assert evaluated.about["after"] == "2025-10-28T00:00:00Z"
    assert evaluated.seen == ()


def test_what_the_campaigns_bring_is_found_later(evaluated) -> None:
    lines = {line.name: line for line in evaluated.lines}
    assert lines["send to all"].dr.low > lines["do nothing"].dr.high
    pays = next(line for name, line in lines.items() if name.startswith("where response:"))
    assert pays.dr.value > lines["do nothing"].dr.value
    assert pays.told


def test_the_same_evaluation_says_when_a_model_has_seen_the_rows(events, model) -> None:
    models = Models([model], None)
    found = comparing.on_campaigns(
        EngineSource(events, END), END, models, FREE, after=EARLY - timedelta(days=60)
    )
    assert found.seen == (model.manifest.name,)


def test_where_all_campaigns_were_learned_from_they_are_compared_and_it_is_said(
    events, model
) -> None:
    found = comparing.on_campaigns(EngineSource(events, EARLY), EARLY, Models([model]), FREE)
    assert found.seen == (model.manifest.name,)
    assert any("must be judged on later ones" in sentence for sentence in found.sentences())


def test_where_nobody_was_held_out_the_response_is_learned_and_said_to_be_all(
    events, tmp_path
) -> None:
    given = response.read(EngineSource(events, END), END)
    treated = given.where(given.treated > 0)
    head = response.train(treated, 7)
    assert head.parameters["mode"] == "response_only"
    assert head.parameters["mean_effect"] == {}
    assert any("response-only" in note for note in head.notes)
    found = written(head, tmp_path)
    assert found.mode == "response_only"
    from retain.features.matrix import to_matrix

    matrix = to_matrix(treated.columns, head.features)
    with_action, without = found.response(matrix, list(treated.actions))
    assert np.isnan(without).all()
    assert with_action.mean() == pytest.approx(treated.responded.mean(), abs=0.1)
