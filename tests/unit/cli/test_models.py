import json
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from cli.promotion import promote_run
from retain import artefacts, manifest, settings
from retain.manifest import Manifest, Measured, TrainingWindow


def a_model(home: Path, *, auc: float = 0.8, better: bool = True, head: str = "churn") -> str:
    """A sealed model without a booster, laid where the store keeps them."""
    unsealed = Manifest(
        head=head,
        label="no order in the 90 days after",
        horizon_days=90,
        training=TrainingWindow(as_of=datetime(2026, 1, 1, tzinfo=UTC), rows=1_234),
        metrics={"auc": Measured(value=auc, low=auc - 0.01, high=auc + 0.01)},
        baselines={"recency.auc": Measured(value=0.7, low=0.69, high=0.71)},
        beats_baseline=better,
    )
    store = home / "bentoml" / "models" / artefacts.store_name(head)
    drafts = store / "draft"
    drafts.mkdir(parents=True)
    (drafts / "calibration.json").write_text(json.dumps({"auc": auc}))
    sealed = manifest.seal(drafts, unsealed)
    drafts.rename(store / sealed.version)
    return sealed.version


def test_an_empty_store_says_how_to_fill_it(retain) -> None:
    assert "retain train" in retain("models", "list").out


def test_the_champion_is_marked_in_the_list(retain, home: Path) -> None:
    first, second = a_model(home, auc=0.8), a_model(home, auc=0.9)
    retain("models", "promote", f"churn:{second}", "--reason", "better")
    rows = json.loads(retain("models", "list", "--json").out)
    assert {row["model"]: row["role"] for row in rows} == {
        f"churn:{first}": "",
        f"churn:{second}": "champion",
    }


def test_showing_a_head_shows_its_champion_beside_the_dumb_rule(retain, home: Path) -> None:
    version = a_model(home)
    retain("models", "promote", f"churn:{version}", "--reason", "first")
    shown = retain("models", "show", "churn").out
    assert f"churn:{version}" in shown
    assert "0.79 to 0.81" in shown
    assert "recency.auc" in shown


def test_the_manifest_is_there_for_programs(retain, home: Path) -> None:
    version = a_model(home)
    shown = json.loads(retain("models", "show", f"churn:{version}", "--json").out)
    assert shown["training"]["rows"] == 1_234


def test_a_promotion_records_who_why_and_on_which_evidence(retain, home: Path) -> None:
    version = a_model(home)
    retain("models", "promote", f"churn:{version}", "--by", "ada", "--reason", "March evaluation")
    [entry] = json.loads(retain("models", "history", "--json").out)
    assert (entry["by"], entry["reason"]) == ("ada", "March evaluation")
    assert entry["evidence"]["metrics"]["auc"]["value"] == 0.8


def test_a_promotion_needs_a_version(retain, home: Path) -> None:
    a_model(home)
    answered = retain("models", "promote", "churn", "--reason", "any")
    assert answered.code == 2
    assert "HEAD:VERSION" in answered.err


def test_a_model_below_its_baseline_is_not_promoted_by_accident(retain, home: Path) -> None:
    version = a_model(home, better=False)
    refused = retain("models", "promote", f"churn:{version}", "--reason", "any")
    assert refused.code == 1
    assert "not above its baseline" in refused.err
    forced = retain("models", "promote", f"churn:{version}", "--reason", "any", "--force", "--json")
    [entry] = json.loads(forced.out)
    assert entry["evidence"]["forced"] is True


def test_a_changed_file_is_never_promoted(retain, home: Path) -> None:
    version = a_model(home)
    folder = artefacts.folder(home / "bentoml", "churn", version)
    (folder / "calibration.json").write_text("{}")
    answered = retain("models", "promote", f"churn:{version}", "--reason", "any")
    assert answered.code == 1
    assert "not the sealed file" in answered.err


def test_a_rollback_brings_the_one_before_back(retain, home: Path) -> None:
    first, second = a_model(home, auc=0.8), a_model(home, auc=0.9)
    for version in (first, second):
        retain("models", "promote", f"churn:{version}", "--reason", "better")
    [entry] = json.loads(retain("models", "rollback", "churn", "--reason", "drift", "--json").out)
    assert (entry["model"], entry["previous"]) == (f"churn:{first}", second)
    assert [line.split()[2] for line in retain("models", "history").out.splitlines()[1:]] == [
        "promote",
        "promote",
        "rollback",
    ]


@pytest.mark.parametrize("words", [("rollback", "churn", "--reason", "any"), ("show", "churn:abc")])
def test_what_is_not_there_is_said_in_one_line(retain, words: tuple[str, ...]) -> None:
    answered = retain("models", *words)
    assert answered.code == 1
    assert answered.err.startswith("retain: ")


def a_run(home: Path, *heads: str) -> Mock:
    """A run whose models are not told apart from their rules."""
    folders = {head: home / "bentoml" / "models" / artefacts.store_name(head) for head in heads}
    versions = {head: a_model(home, better=False, head=head) for head in heads}
    models = {head: manifest.read(folders[head] / versions[head]) for head in heads}
    return Mock(run_id="a run", models=models)


def test_a_serving_head_without_a_champion_gets_a_model_that_is_not_told_apart(home: Path) -> None:
    [entry] = promote_run(settings.load({}, home=home), a_run(home, "churn"))
    assert entry.head == "churn"
    assert entry.evidence["forced"] is True


def test_only_a_better_model_becomes_champion_where_that_is_declared(
    home: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "training.yaml").write_text("first_champion: better\n")
    strict = settings.load({"RETAIN_CONFIG": str(config)}, home=home)
    assert promote_run(strict, a_run(home, "churn", "ltv")) == []
