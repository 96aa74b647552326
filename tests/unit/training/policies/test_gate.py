"""The gate between a response model and the champion."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from retain.database import connect
from retain.errors import Conflict
from retain.ledger import Ledger
from retain.manifest import Manifest, TrainingWindow
from training import promotion
from training.policies import evaluation, gate
from training.policies.evaluation import Candidate, Evaluated
from training.policies.log import Log, always, best

ROWS = 3_000


def a_model(label: str) -> Manifest:
    window = TrainingWindow(as_of=datetime(2026, 1, 1, tzinfo=UTC))
    return Manifest(
        head="response", horizon_days=14, label=label, training=window, beats_baseline=True
    ).sealed()


CHAMPION, CHALLENGER = a_model("old"), a_model("new")


@pytest.fixture
def ledger() -> Ledger:
    found = Ledger(connect("sqlite:///:memory:"))
    promotion.promote(found, CHAMPION, by="ana", reason="first")
    return found


def evaluated(*, better: bool = True, seen: tuple[str, ...] = ()) -> Evaluated:
    """Customers of whom half are moved; the challenger knows which, or has it wrong."""
    rng = np.random.default_rng(2)
    moved = rng.random(ROWS) < 0.5
    chosen = rng.integers(0, 2, ROWS)
    reward = (rng.random(ROWS) < 0.2 + 0.3 * moved * chosen).astype(float) - 0.1 * chosen
    log = Log(("none", "mail"), chosen, reward, np.full((ROWS, 2), 0.5), np.arange(ROWS))
    nothing = np.zeros(ROWS)
    said = moved if better else ~moved
    return evaluation.evaluate(
        log,
        [
            Candidate("all", always(log, np.ones(ROWS, dtype=np.intp)), CHAMPION.name),
            Candidate("moved", best(log, np.column_stack([nothing, said - 0.5])), CHALLENGER.name),
        ],
        reward_model=None,
        about={"log": "campaigns"},
        champion=CHAMPION.name,
        seen=seen,
    )


def test_a_challenger_that_was_never_compared_is_held_back(ledger: Ledger, tmp_path: Path) -> None:
    assert promotion.held_back(ledger, CHALLENGER, tmp_path)
    with pytest.raises(Conflict, match="never evaluated beside the champion") as refused:
        promotion.promote(ledger, CHALLENGER, by="ana", reason="new", evaluations=tmp_path)
    assert f"retain policy evaluate --model {CHALLENGER.name}" in refused.value.remedy


def test_a_better_challenger_passes_with_its_proof_in_the_ledger(
    ledger: Ledger, tmp_path: Path
) -> None:
    evaluated().write(tmp_path, "one")
    entry = promotion.promote(ledger, CHALLENGER, by="ana", reason="won", evaluations=tmp_path)
    assert entry.evidence["policy_evaluation"]["difference"]["low"] > 0
    assert entry.evidence["forced"] is False
    assert ledger.champion("response") == CHALLENGER.version


def test_a_worse_challenger_is_held_back_with_the_numbers(ledger: Ledger, tmp_path: Path) -> None:
    evaluated(better=False).write(tmp_path, "one")
    with pytest.raises(Conflict, match="not above the champion"):
        promotion.promote(ledger, CHALLENGER, by="ana", reason="hope", evaluations=tmp_path)


def test_force_and_a_reason_pass_the_gate_and_stand_in_the_ledger(ledger: Ledger) -> None:
    entry = promotion.promote(ledger, CHALLENGER, by="ana", reason="new catalogue", force=True)
    assert (entry.reason, entry.evidence["forced"]) == ("new catalogue", True)


def test_an_evaluation_on_what_a_model_learned_from_proves_nothing(tmp_path: Path) -> None:
    found = evaluated(seen=(CHALLENGER.name,))
    assert found.challenges[CHALLENGER.name].beats
    assert not found.passes(CHALLENGER.name)
    assert any("learned from rows" in one for one in found.sentences())


def test_what_the_log_cannot_speak_of_proves_nothing() -> None:
    found = evaluated()
    few = tuple(replace(line, effective=12.0) for line in found.lines)
    assert not replace(found, lines=few).passes(CHALLENGER.name)


def test_the_latest_evaluation_counts(tmp_path: Path) -> None:
    import os

    old = evaluated().write(tmp_path, "old")
    os.utime(old, (1, 1))
    evaluated(better=False).write(tmp_path, "new")
    found = gate.verdict(tmp_path, CHALLENGER.name, CHAMPION.name)
    assert found is not None
    assert not found.passes
    assert found.evaluation == "new.json"


def test_an_evaluation_beside_another_champion_does_not_count(tmp_path: Path) -> None:
    evaluated().write(tmp_path, "one")
    assert gate.verdict(tmp_path, CHALLENGER.name, "response:other") is None


def test_the_first_response_model_has_nobody_to_beat(tmp_path: Path) -> None:
    fresh = Ledger(connect("sqlite:///:memory:"))
    promotion.promote(fresh, CHALLENGER, by="ana", reason="first", evaluations=tmp_path)
    assert fresh.champion("response") == CHALLENGER.version


def test_the_table_has_a_line_per_policy(tmp_path: Path) -> None:
    header, *rows = evaluated().rows()
    assert len(rows) == 2
    assert all(len(row) == len(header) for row in rows)


def test_a_champion_that_does_not_load_any_more_holds_nobody_back(
    ledger: Ledger, tmp_path: Path
) -> None:
    store = tmp_path / "bentoml"
    assert not promotion.held_back(ledger, CHALLENGER, tmp_path, store)
    entry = promotion.promote(
        ledger,
        CHALLENGER,
        by="ana",
        reason="the old one is gone",
        evaluations=tmp_path,
        store=store,
    )
    assert entry.evidence["forced"] is False
