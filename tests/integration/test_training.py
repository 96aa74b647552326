import json
import os
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest

from retain import artefacts, champions, predictors, settings
from retain.database import connect
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.features.ageing import aged
from retain.features.matrix import to_matrix
from retain.ledger import Ledger
from tests.tiny_shop import END, EngineSource, shop
from training import pipeline, promotion

HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def events():
    return shop(customers=800)


@pytest.fixture(scope="module")
def made(tmp_path_factory, events):
    found = settings.load({}, home=tmp_path_factory.mktemp("home"))
    EventLog(connect(found.database_url)).append(events)
    return found


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def run(made, steps):
    return pipeline.train(
        made,
        as_of=END,
        horizon_days=HORIZON_DAYS,
        progress=lambda step, done, total: steps.append((step, done, total)),
    )


def test_every_head_is_registered_and_written_down(made, run):
    assert set(run.models) == {"churn", "next_purchase", "ltv", "response", "next_items", "rfm"}
    assert not run.skipped
    written = json.loads((run.folder / "evaluation.json").read_text())
    assert set(written["heads"]) == set(run.models)
    assert run.folder.parent == made.evaluations


def test_progress_is_told_to_its_end(run, steps):
    assert ("training", 6, 6) in steps


def test_registered_models_load_and_score_everyone(made, run, events):
    heads = ["churn", "next_purchase", "ltv", "response"]
    folders = [artefacts.folder(made.bentoml_home, h, run.models[h].version) for h in heads]
    churn, purchase, ltv, response = predictors.load_all(folders)
    columns = aged(EngineSource(events, END).training_table([END]))
    rows = len(columns["orders_30d"])
    as_of = np.full(rows, np.datetime64(END.replace(tzinfo=None), "us"))
    probability = churn.probability(to_matrix(columns, churn.manifest.features), as_of)
    assert ((probability >= 0) & (probability <= 1)).all()
    curve = purchase.curve(to_matrix(columns, purchase.manifest.features), as_of)
    assert (curve.p7 <= curve.p30).all()
    np.testing.assert_allclose(probability, 1 - curve.p30, atol=1e-12)
    value = ltv.value(to_matrix(columns, ltv.manifest.features), as_of)
    assert ((value.low <= value.value) & (value.value <= value.high)).all()
    matrix = to_matrix(columns, response.manifest.features)
    treated, control = response.response(matrix, ["win_back_email", "welcome_push"])
    assert treated.shape == control.shape == (rows, 2)
    assert np.isfinite(treated).all()


def test_the_store_holds_text_and_json_only(made, run):
    files = [p for p in (made.bentoml_home / "models").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= {".txt", ".json", ".yaml", ""}
    assert not any(b"\x80\x04" in p.read_bytes() for p in files)


def test_bentoml_itself_finds_the_models(made, run):
    code = "import bentoml; print(sorted(str(m.tag) for m in bentoml.models.list()))"
    environ = {**os.environ, "BENTOML_HOME": str(made.bentoml_home), "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"retain-churn:{run.models['churn'].version}" in done.stdout


def test_promotion_makes_champions_that_load(made, run):
    ledger = Ledger(connect(made.database_url))
    names = pipeline.promote_all(made, run)
    eligible = [model.name for model in run.models.values() if promotion.eligible(model)]
    assert names == eligible
    assert "churn" in {name.split(":")[0] for name in names}
    loaded = champions.load(ledger, made.bentoml_home)
    assert loaded.name("churn") == run.models["churn"].name
    assert loaded.rfm is not None


def test_training_again_on_the_same_data_is_the_same_models(made, run):
    again = pipeline.train(made, as_of=END, horizon_days=HORIZON_DAYS)
    assert {h: m.version for h, m in again.models.items()} == {
        h: m.version for h, m in run.models.items()
    }
    assert len(artefacts.versions(made.bentoml_home, "churn")) == 1


def test_the_future_changes_nothing(made, run, events):
    """What happens after ``as_of`` is in the log, and must not be in the models."""
    as_of = END - timedelta(days=60)
    seen = EngineSource(events, as_of)
    whole = pipeline.train(made, as_of=as_of, horizon_days=HORIZON_DAYS)
    alone = pipeline.train(made, as_of=as_of, horizon_days=HORIZON_DAYS, source=seen)
    assert whole.models["churn"].data_digest == alone.models["churn"].data_digest
    assert {h: m.version for h, m in whole.models.items()} == {
        h: m.version for h, m in alone.models.items()
    }


def test_without_campaigns_there_is_no_response_model_and_the_evaluation_says_so(tmp_path):
    quiet = EngineSource(shop(customers=400, campaigns=False), END)
    here = settings.load({}, home=tmp_path)
    found = pipeline.train(here, as_of=END, horizon_days=HORIZON_DAYS, source=quiet)
    assert "response" not in found.models
    assert "hold-out" in found.skipped["response"]
    assert "response: no model" in found.text()


def test_a_handful_of_customers_is_refused_with_what_is_missing(tmp_path):
    few = EngineSource(shop(customers=12), END)
    here = settings.load({}, home=tmp_path)
    with pytest.raises(NotEnoughData, match="churn learns from at least 100 customers"):
        pipeline.train(here, as_of=END, horizon_days=HORIZON_DAYS, source=few)


def test_a_month_of_history_is_refused_with_how_much_is_needed(tmp_path):
    short = EngineSource(shop(customers=50, days=40), END)
    here = settings.load({}, home=tmp_path)
    with pytest.raises(NotEnoughData, match="days of history"):
        pipeline.train(here, as_of=END - timedelta(days=380), source=short)


def test_manifests_say_how_and_on_what_they_were_trained(run):
    manifest = run.models["churn"]
    assert manifest.training.rows > 0
    assert manifest.training.last_cutoff == END - timedelta(days=HORIZON_DAYS)
    assert "recency.auc" in manifest.baselines
    assert manifest.libraries["lightgbm"]
    assert manifest.parameters["hiatus_days"] >= HORIZON_DAYS


def test_what_moves_each_head_is_in_its_manifest_and_in_the_evaluation(made, run):
    written = json.loads((run.folder / "evaluation.json").read_text())
    for head in ("churn", "next_purchase", "ltv"):
        importance = run.models[head].parameters["importance"]
        assert importance == written["heads"][head]["parameters"]["importance"]
        assert sum(one["share"] for one in importance["groups"]) == pytest.approx(1.0)
        assert {one["name"] for one in importance["features"]} <= set(
            run.models[head].feature_names
        )
    assert "importance" not in run.models["response"].parameters
    assert run.evaluation.text().count("What moves it:") == 3


def test_recorded_reasons_for_leaving_are_written_beside_who_leaves_anyway(run):
    written = json.loads((run.folder / "evaluation.json").read_text())["reasons_for_leaving"]
    assert written["horizon_days"] == HORIZON_DAYS
    assert 0 < written["usual_share_left"] < 1
    assert set(written["kinds"]) >= {"cancellation", "complaint", "competitor"}


def test_a_band_says_what_it_means_and_is_measured(run):
    churn = run.models["churn"]
    assert set(churn.parameters["bands_meaning"]) == {"low", "medium", "high"}
    measured = [name for name in churn.metrics if name.startswith("left_in_")]
    assert measured
