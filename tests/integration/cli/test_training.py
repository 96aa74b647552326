"""`retain train` and what follows it, over the command line, on a shop where nothing is to be learned."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import load
from tests.tiny_shop import END, shop

WORDS = ("train", "--as-of", END.date().isoformat(), "--horizon-days", "30")
REASON = "the pilot needs some scores, good or not"


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    """Orders that could be anybody's: who ordered lately tells nothing about who will."""
    made = tmp_path_factory.mktemp("noise")
    events = shop(customers=250, campaigns=False)
    rng = np.random.default_rng(3)
    somebody = [f"c{number:04d}" for number in rng.integers(0, 700, events.num_rows)]
    place = events.schema.get_field_index("customer_id")
    events = events.set_column(place, events.schema.field(place), pa.array(somebody))
    EventLog(connect(load({}, home=made).database_url)).append(events)
    return made


@pytest.fixture
def home(noise: Path) -> Path:
    return noise


@pytest.fixture(scope="module")
def trained() -> dict:
    return {}


def lost(run: dict) -> list[str]:
    """Heads that predict and did not beat their rule."""
    return [h for h, one in run["heads"].items() if h != "rfm" and not one["beats_baseline"]]


def test_what_is_not_above_its_baseline_is_registered_and_said_to_wait(retain, trained) -> None:
    answered = retain(*WORDS, "--no-promote", "--json")
    assert answered.code == 0, answered.err
    trained.update(json.loads(answered.out))
    assert lost(trained), "noise was learned"
    for head in lost(trained):
        name = trained["heads"][head]["model"]
        assert "its baseline on the holdout" in trained["not_promoted"][name]
        assert f"retain models promote {name}" in trained["not_promoted"][name]
    rows = json.loads(retain("models", "list", "--json").out)
    assert {row["model"]: row["beats_baseline"] for row in rows} == {
        one["model"]: one["beats_baseline"] for one in trained["heads"].values()
    }
    assert not [row for row in rows if row["role"] == "champion"]


def test_it_is_promoted_by_force_and_with_a_reason_only(retain, trained) -> None:
    name = trained["heads"][lost(trained)[0]]["model"]
    refused = retain("models", "promote", name, "--reason", REASON)
    assert refused.code == 1
    assert f"{name} is " in refused.err
    assert "its baseline on the holdout" in refused.err
    assert "--force promotes it all the same" in refused.err
    assert json.loads(retain("models", "history", "--json").out) == []
    unsaid = retain("models", "promote", name, "--force")
    assert unsaid.code == 2
    assert "--reason" in unsaid.err
    empty = retain("models", "promote", name, "--force", "--reason", "  ")
    assert empty.code == 2
    forced = retain(
        "models", "promote", name, "--force", "--reason", REASON, "--by", "ada", "--json"
    )
    assert forced.code == 0
    [entry] = json.loads(retain("models", "history", "--json").out)
    assert (entry["model"], entry["reason"], entry["by"]) == (name, REASON, "ada")
    assert entry["evidence"]["forced"] is True
    assert entry["evidence"]["beats_baseline"] is False
    assert entry["evidence"]["baselines"]


def test_a_run_is_forced_with_a_reason_only(retain) -> None:
    answered = retain(*WORDS, "--force")
    assert answered.code == 2
    assert "--reason" in answered.err
    assert "needs a reason" in answered.err


def test_a_forced_run_says_so_of_every_model_in_the_ledger(retain, trained) -> None:
    answered = retain(*WORDS, "--force", "--reason", REASON, "--json")
    assert answered.code == 0, answered.err
    run = json.loads(answered.out)
    assert run["not_promoted"] == {}
    entries = {
        entry["model"]: entry for entry in json.loads(retain("models", "history", "--json").out)
    }
    for head in lost(run):
        entry = entries[run["heads"][head]["model"]]
        assert entry["reason"] == REASON
        assert entry["evidence"]["forced"] is True


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--churn-label", "no_fun", "no_order"),
        ("--hiatus-days", "soon", "learned"),
    ],
)
def test_what_leaving_cannot_mean_is_refused_with_what_it_can(retain, flag, value, said) -> None:
    answered = retain(*WORDS, flag, value)
    assert answered.code == 2
    assert flag in answered.err
    assert said in answered.err


def test_too_short_a_history_is_refused_with_how_much_is_needed(retain) -> None:
    early = (END - timedelta(days=380)).date().isoformat()
    answered = retain("train", "--as-of", early, "--horizon-days", "30")
    assert answered.code == 1
    assert "need 51 days of history; there are " in answered.err
    assert "longer history" in answered.err


def test_too_few_customers_are_counted_for_every_head(retain, tmp_path, monkeypatch) -> None:
    (tmp_path / "training.yaml").write_text(
        "minimum:\n"
        + "".join(
            f"  {head}: {{customers: 5000, orders: 100000}}\n"
            for head in ("churn", "next_purchase", "ltv")
        )
    )
    monkeypatch.setenv("RETAIN_CONFIG", str(tmp_path))
    answered = retain(*WORDS)
    assert answered.code == 1
    for head in ("churn", "next_purchase", "ltv"):
        assert f"{head} learns from at least 5,000 customers (there are " in answered.err
    assert "100,000 orders (there are " in answered.err
