import json

import pytest

from retain import manifest, predictors
from retain.errors import CorruptModel
from retain.predictors import ChurnPredictor, quarantine
from tests.tiny_models import matrix, moments, write_model


def reseal(folder):
    sealed = manifest.read(folder)
    return manifest.seal(folder, sealed)


def test_a_sound_model_loads_and_predicts(tmp_path):
    write_model(tmp_path / "churn", "churn")
    predictor = predictors.load(tmp_path / "churn")
    assert isinstance(predictor, ChurnPredictor)
    assert predictor.probability(matrix(5), moments(5)).shape == (5,)


def test_all_heads_load_together(tmp_path):
    heads = ["churn", "next_purchase", "ltv", "response"]
    for head in heads:
        write_model(tmp_path / head, head)
    loaded = predictors.load_all([tmp_path / head for head in heads])
    assert [predictor.manifest.head for predictor in loaded] == heads


@pytest.mark.parametrize("name", ["model.txt", "calibration.json"])
def test_a_changed_file_is_corrupt(tmp_path, name):
    write_model(tmp_path / "churn", "churn")
    path = tmp_path / "churn" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CorruptModel, match=f"{name} of churn:"):
        predictors.load(tmp_path / "churn")


def test_a_missing_file_is_corrupt(tmp_path):
    write_model(tmp_path / "churn", "churn")
    (tmp_path / "churn" / "model.txt").unlink()
    with pytest.raises(CorruptModel, match=r"lacks model\.txt"):
        predictors.load(tmp_path / "churn")


@pytest.mark.parametrize(
    "mutation",
    [
        lambda text: text[: len(text) // 3],
        lambda text: text.replace("split_feature=0", "split_feature=99999"),
        lambda text: text.replace("num_leaves=5", "num_leaves=50000"),
        lambda text: "not a model",
        lambda text: "",
    ],
)
def test_a_sealed_model_that_kills_its_loader_does_not_kill_us(tmp_path, mutation):
    write_model(tmp_path / "churn", "churn")
    path = tmp_path / "churn" / "model.txt"
    path.write_text(mutation(path.read_text()))
    sealed = reseal(tmp_path / "churn")
    with pytest.raises(CorruptModel, match=f"model.txt of {sealed.name} does not load"):
        predictors.load(tmp_path / "churn")


def test_a_model_that_hangs_its_loader_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(quarantine, "_CHILD", "import time; time.sleep(60)")
    with pytest.raises(CorruptModel, match="hung for 1 seconds"):
        quarantine.prove({"digest-of-hanging": ("model.txt of churn:x", b"tree")})


def test_a_model_proven_once_is_not_proven_again(tmp_path, monkeypatch):
    write_model(tmp_path / "churn", "churn", seed=11)
    predictors.verify([tmp_path / "churn"])
    monkeypatch.setattr(quarantine, "_load_in_child", None)
    predictors.load(tmp_path / "churn")


def test_the_guilty_model_of_several_is_named(tmp_path):
    write_model(tmp_path / "churn", "churn", seed=21)
    write_model(tmp_path / "ltv", "ltv", seed=22)
    (tmp_path / "ltv" / "buys.txt").write_text("tree\nnot really")
    sealed = reseal(tmp_path / "ltv")
    with pytest.raises(CorruptModel, match=f"buys.txt of {sealed.name} does not load"):
        predictors.verify([tmp_path / "churn", tmp_path / "ltv"])


def test_a_sealed_model_without_its_calibrator_is_corrupt(tmp_path):
    write_model(tmp_path / "churn", "churn")
    (tmp_path / "churn" / "calibration.json").write_text(json.dumps({"method": "guess"}))
    reseal(tmp_path / "churn")
    with pytest.raises(CorruptModel, match="incomplete"):
        predictors.load(tmp_path / "churn")


def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path):
    sealed = write_model(tmp_path / "churn", "churn")
    (tmp_path / "secret").write_text("x")
    outside = sealed.model_copy(update={"files": {"../secret": "0"}}).sealed()
    (tmp_path / "churn" / "manifest.json").write_text(outside.model_dump_json())
    with pytest.raises(CorruptModel, match="outside its folder"):
        predictors.load(tmp_path / "churn")
