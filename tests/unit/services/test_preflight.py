"""Before the start: what is missing or damaged is found without loading any model."""

import shutil
import subprocess
import sys

import pytest

from retain.database import connect
from retain.errors import CorruptModel, FingerprintMismatch, InvalidInput, NoModel
from retain.manifest import ModelFeature
from retain.settings import Settings, load
from services.preflight import check, require_features, require_heads
from tests.tiny_home import promote_tiny_champions
from tests.unit.services.fakes import MANIFESTS


@pytest.fixture(scope="module")
def complete(tmp_path_factory) -> Settings:
    settings = load({}, home=tmp_path_factory.mktemp("complete"))
    promote_tiny_champions(settings)
    return settings


@pytest.fixture
def home(complete, tmp_path) -> Settings:
    """A copy to damage."""
    return load({}, home=shutil.copytree(complete.home, tmp_path / "home"))


def model_file(home: Settings, head: str, name: str):
    (found,) = (home.bentoml_home / "models" / f"retain-{head}").glob(f"*/{name}")
    return found


def test_a_complete_home_may_start(home) -> None:
    check(home)


def test_an_empty_home_may_not_and_says_what_to_do(tmp_path) -> None:
    with pytest.raises(NoModel, match="holds no models") as refused:
        check(load({}, home=tmp_path))
    assert "retain train" in refused.value.remedy
    assert not list(tmp_path.iterdir())


def test_models_that_nobody_promoted_may_not_answer(home) -> None:
    home.database_file.unlink()
    connect(home.database_url)
    with pytest.raises(NoModel, match="churn, next_purchase, ltv, rfm") as refused:
        check(home)
    assert "retain train" in refused.value.remedy


def test_a_database_file_that_is_not_there_is_named_and_not_made(home, tmp_path) -> None:
    missing = tmp_path / "typo" / "retain.db"
    elsewhere = load({"RETAIN_DATABASE_URL": f"sqlite:///{missing}"}, home=home.home)
    with pytest.raises(NoModel, match=f"no database {missing}"):
        check(elsewhere)
    assert not missing.parent.exists()


@pytest.mark.parametrize("head", ["churn", "next_purchase", "ltv"])
def test_rfm_and_any_one_head_suffice(tmp_path, head) -> None:
    settings = load({}, home=tmp_path)
    promote_tiny_champions(settings, [head])
    check(settings)


@pytest.mark.parametrize("there", [("rfm", "response"), ("churn", "next_purchase", "ltv")])
def test_segments_alone_and_scores_without_segments_do_not_suffice(tmp_path, there) -> None:
    with pytest.raises(NoModel, match="at least one of churn, next_purchase, ltv"):
        require_heads(there, load({}, home=tmp_path))


@pytest.mark.parametrize("name", ["model.txt", "calibration.json"])
def test_a_file_that_was_changed_is_named(home, name) -> None:
    path = model_file(home, "churn", name)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptModel, match=name):
        check(home)


def test_a_file_that_is_gone_is_named(home) -> None:
    model_file(home, "ltv", "model.txt").unlink()
    with pytest.raises(CorruptModel, match=r"model\.txt"):
        check(home)


def test_a_model_that_another_user_made_for_himself_is_named(home, monkeypatch) -> None:
    # as root, who may read everything, no mode of a file would do
    def forbidden(folder: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("retain.manifest.read", forbidden)
    with pytest.raises(CorruptModel, match=r"may not read .*retain-churn") as refused:
        check(home)
    assert "chmod" in refused.value.remedy


@pytest.mark.parametrize("left", [0, 100])
def test_a_manifest_that_was_cut_short_is_told_in_one_line(home, left) -> None:
    path = model_file(home, "churn", "manifest.json")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CorruptModel, match=r"manifest\.json is damaged: ") as refused:
        check(home)
    assert "\n" not in refused.value.message
    assert "roll back" in refused.value.remedy


def test_a_manifest_that_is_gone_is_no_model(home) -> None:
    model_file(home, "churn", "manifest.json").unlink()
    with pytest.raises(NoModel, match="churn"):
        check(home)


READ_AT_START = [
    "actions.yaml",
    "experiments.yaml",
    "quality.yaml",
    "segments.yaml",
    "signals.yaml",
    "triggers.yaml",
]


@pytest.fixture
def config(home, tmp_path):
    """A copy of the configuration, to damage."""
    return shutil.copytree(home.config, tmp_path / "config")


@pytest.mark.parametrize("file", READ_AT_START)
def test_a_wrong_configuration_stops_the_start(home, config, file) -> None:
    (config / file).write_text("aktions: none")
    with pytest.raises(InvalidInput, match=file):
        check(load({"RETAIN_CONFIG": str(config)}, home=home.home))


def test_an_action_for_a_stage_nobody_is_ever_in_stops_the_start(home, config) -> None:
    actions = (config / "actions.yaml").read_text("utf-8")
    (config / "actions.yaml").write_text(actions.replace("[use, loyalty,", "[use, loyal,"))
    with pytest.raises(InvalidInput, match="the stage 'loyal'") as refused:
        check(load({"RETAIN_CONFIG": str(config)}, home=home.home))
    assert "loyalty" in refused.value.remedy


def test_a_secret_that_is_missing_stops_the_start_and_is_named(home, config) -> None:
    declared = """
endpoints: {crm: {url: "https://crm.example.com", secret: RETAIN_NOBODY_SET_THIS}}
triggers:
  - {id: paid_not, names: {en: a, ko: a}, enabled: true, events: [payment_failed], deliver_to: crm}
"""
    (config / "triggers.yaml").write_text(declared)
    with pytest.raises(InvalidInput, match="RETAIN_NOBODY_SET_THIS"):
        check(load({"RETAIN_CONFIG": str(config)}, home=home.home))


def test_a_model_over_computed_features_may_answer() -> None:
    require_features(MANIFESTS)


def test_a_model_over_a_feature_nobody_computes_may_not() -> None:
    strange = MANIFESTS["churn"].model_copy(update={"features": (ModelFeature(name="aura"),)})
    with pytest.raises(FingerprintMismatch, match="aura"):
        require_features({"churn": strange})


def test_it_is_quick_because_it_imports_neither_feast_nor_lightgbm() -> None:
    code = (
        "import sys, services.service;"
        "sys.exit(bool({'feast', 'lightgbm', 'sklearn', 'duckdb'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
