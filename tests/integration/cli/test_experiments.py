"""`retain experiments report` and `shift` over a home with decisions and orders."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from retain.clock import iso
from retain.database import connect
from retain.decisions.receipt import Evidence
from retain.decisions.store import Decisions
from retain.event import to_table
from retain.eventlog import EventLog
from retain.experiments.assignment import Assigner
from retain.settings import PROJECT_CONFIG
from tests.decided import ranking
from tests.event_tables import event
from tests.experiments import arm, declared, experiment

START = datetime(2026, 9, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=30)
BANDIT = experiment(
    "subject_lines",
    start="2026-09-01",
    bandit={"floor": 0.1},
    arms=[arm("plain", 0.5), arm("warm", 0.5)],
    design={"window_days": 7},
)


@pytest.fixture
def filled(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where forty customers were decided for, and those in one arm ordered."""
    folder = tmp_path / "config"
    shutil.copytree(PROJECT_CONFIG, folder)
    content = {"layers": ["offers"], "experiments": [BANDIT]}
    (folder / "experiments.yaml").write_text(yaml.safe_dump(content), "utf-8")
    monkeypatch.setenv("RETAIN_CONFIG", str(folder))
    monkeypatch.setenv("RETAIN_AS_OF", iso(AS_OF))
    home.mkdir()
    engine = connect(f"sqlite:///{home / 'retain.db'}")
    decisions, assigner, orders = Decisions(engine), Assigner(declared(BANDIT)), []
    for number in range(40):
        customer_id, at = f"c{number}", START + timedelta(days=1 + number % 9)
        [[one]] = assigner.assign({}, [customer_id], at)
        evidence = Evidence(experiments=(one.as_json(),))
        decisions.reserve(ranking(customer_id, now=at), request={}, evidence=evidence)
        if one.arm == "warm":
            properties = {"order_id": customer_id, "total": 20.0, "currency": "GBP"}
            later = at + timedelta(days=1)
            orders.append(event(number, "order_completed", later, customer_id, properties))
    decisions.close()
    EventLog(engine).append(to_table(orders))
    engine.dispose()
    return home


def test_a_report_is_a_page_that_needs_nothing_else(retain, filled) -> None:
    answered = retain("experiments", "report", "subject_lines")
    assert answered.code == 0, answered.err
    assert "warm against plain, conversion: too early to say" in answered.out
    html = (filled / "experiments" / "subject_lines.html").read_text("utf-8")
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "<svg" in html
    assert "Conversion per customer, by arm" in html


def test_the_numbers_of_a_report_are_there_for_programs(retain, filled, tmp_path) -> None:
    out = tmp_path / "page.html"
    answered = retain("experiments", "report", "subject_lines", "--json", "--out", str(out))
    found = json.loads(answered.out)
    assert found["exposed"] == found["complete"] == 40
    by_arm = {one["arm"]: one for one in found["arms"]}
    assert (by_arm["plain"]["conversion"], by_arm["warm"]["conversion"]) == (0.0, 1.0)
    assert by_arm["warm"]["revenue"] == pytest.approx(20.0)
    assert found["balance"]["sound"] is True
    assert out.exists()


def test_what_was_told_later_is_not_known_yet(retain, filled) -> None:
    early = iso(START + timedelta(days=5))
    words = ("experiments", "report", "subject_lines", "--as-of", early, "--json")
    found = json.loads(retain(*words).out)
    assert found["complete"] == 0 < found["exposed"] < 40


def test_a_shift_is_said_and_then_recorded_ahead(retain, filled) -> None:
    tried = json.loads(retain("experiments", "shift", "subject_lines", "--dry-run", "--json").out)
    assert tried["shares"] == pytest.approx({"plain": 0.1, "warm": 0.9})
    made = json.loads(retain("experiments", "shift", "subject_lines", "--json").out)
    assert made["shares"] == tried["shares"]
    assert made["since"] == iso(AS_OF + timedelta(minutes=10))
    again = retain("experiments", "shift", "subject_lines")
    assert again.code == 1
    assert "what was recorded is not changed" in again.err
