"""`retain policy evaluate` and the gate of `retain models promote`, over the command line."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from retain.database import connect
from retain.eventlog import EventLog
from retain.ledger import Ledger
from retain.manifest import Manifest, TrainingWindow
from retain.settings import Settings, load
from tests.tiny_shop import END, EngineSource, shop
from training import registry, response
from training.head import FittedHead

EARLY = END - timedelta(days=120)
WORDS = ("policy", "evaluate", "--as-of", END.date().isoformat())


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Settings:
    """A shop whose champion sends to everybody, and a challenger that sends nothing."""
    settings = load({}, home=tmp_path_factory.mktemp("home"))
    events = shop(customers=1_000)
    EventLog(connect(settings.database_url)).append(events)
    head = response.train(response.read(EngineSource(events, EARLY), EARLY), 7)
    champion = register(settings, head, head.files, "the champion")
    side = json.loads(head.files["effects.json"])
    side["level"] = {"slope": 0.0, "offsets": [-0.01 for _ in side["level"]["offsets"]]}
    timid = {**head.files, "effects.json": json.dumps(side)}
    register(settings, head, timid, "a timid one")
    ledger = Ledger(connect(settings.database_url))
    ledger.promote("response", champion.version, by="ana", reason="first", evidence={})
    return settings


def register(settings: Settings, head: FittedHead, files: dict, label: str) -> Manifest:
    described = Manifest(
        head="response",
        features=head.features,
        label=label,
        horizon_days=14,
        training=TrainingWindow(as_of=EARLY),
        parameters=head.parameters,
        beats_baseline=True,
    )
    return registry.register(settings.bentoml_home, described, files)


@pytest.fixture
def home(made: Settings) -> Path:
    return made.home


@pytest.fixture(scope="module")
def kept() -> dict:
    return {}


def test_a_challenger_is_compared_on_campaigns_later_than_both_models(retain, kept) -> None:
    answered = retain(*WORDS, "--json")
    assert answered.code == 0, answered.err
    kept.update(json.loads(answered.out))
    assert kept["after"] == "2025-10-28T00:00:00Z"
    lines = {line["policy"]: line for line in kept["policies"]}
    assert lines["send to all"]["dr"]["low"] > lines["do nothing"]["dr"]["high"]
    [challenger] = kept["challenges"]
    assert kept["challenges"][challenger]["difference"]["high"] < 0
    assert kept["challenges"][challenger]["passes"] is False
    assert json.loads(Path(kept["evaluation"]).read_text())["champion"] == kept["champion"]


def test_what_is_not_better_than_the_champion_is_refused_and_says_the_numbers(retain, kept) -> None:
    [challenger] = kept["challenges"]
    refused = retain("models", "promote", challenger, "--reason", "hope")
    assert refused.code == 1
    assert f"not above the champion {kept['champion']}" in refused.err
    assert "retain policy evaluate" in refused.err
    forced = retain("models", "promote", challenger, "--reason", "a test", "--force", "--json")
    [entry] = json.loads(forced.out)
    assert entry["evidence"]["forced"] is True
    assert entry["evidence"]["policy_evaluation"]["passes"] is False
    back = retain("models", "rollback", "response", "--reason", "it was one")
    assert back.code == 0


def test_a_table_says_who_may_not_replace_whom(retain) -> None:
    shown = retain(*WORDS, "--cost", "0.02")
    assert shown.code == 0, shown.err
    assert "may not replace" in shown.out
    assert "ESS" in shown.out


def test_decisions_that_nobody_made_are_too_few(retain) -> None:
    answered = retain(*WORDS, "--log", "decisions")
    assert answered.code == 1
    assert "decisions with the chance of every candidate are needed; there are 0" in answered.err


@pytest.mark.parametrize("name", ["churn:abc", "response"])
def test_what_is_no_response_model_is_refused(retain, name: str) -> None:
    answered = retain(*WORDS, "--model", name)
    assert answered.code == 2
    assert "names no response model" in answered.err


def test_before_any_later_campaign_policies_are_compared_and_nothing_is_promoted(retain) -> None:
    answered = retain("policy", "evaluate", "--as-of", EARLY.date().isoformat(), "--json")
    assert answered.code == 0, answered.err
    found = json.loads(answered.out)
    assert found["after"] is None
    assert set(found["learned_from_these_rows"]) == {found["champion"], *found["challenges"]}
    assert not any(one["passes"] for one in found["challenges"].values())


def test_what_came_after_a_day_that_is_asked_for_is_not_mixed_with_more(retain) -> None:
    early = EARLY.date().isoformat()
    answered = retain("policy", "evaluate", "--as-of", early, "--after", early)
    assert answered.code == 1
    assert "there are 0" in answered.err
