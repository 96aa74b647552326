"""docs/add-a-feature.md, followed: one line more in a copy of Retain, and what comes of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feature_repo.materialize import materialize
from feature_repo.online import OnlineReader
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.settings import load

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = (PROJECT / "docs" / "add-a-feature.md").read_text("utf-8")
TOUR = PROJECT / "tests" / "feature_tour.py"
ROOMS = ("retain", "feature_repo", "training", "config")
FIRST = "FEATURES: tuple[F, ...] = (\n"
NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def order(number: int, customer: str, days_ago: float) -> Event:
    event = read_event(
        {
            "event_id": f"o{number}",
            "type": "order_completed",
            "customer_id": customer,
            "timestamp": NOW - days_ago * DAY,
            "properties": {"order_id": f"o{number}", "total": 10, "currency": "GBP"},
        },
        NOW,
    )
    assert isinstance(event, Event)
    return event


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose online rows are of the catalogue as it is."""
    folder = tmp_path / "home"
    settings = load({}, home=folder)
    log = EventLog(connect(settings.database_url))
    log.append(to_table(order(n, who, ago) for n, (who, ago) in enumerate(ORDERS)))
    materialize(settings, NOW)
    assert OnlineReader(settings, log).read(["ada"], NOW).table.num_rows == 1
    return folder


ORDERS = (("ada", 1), ("ada", 6.5), ("ada", 7), ("ada", 20), ("bob", 30), ("eve", 3))


def toured(home: Path, tree: Path, feature: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, TOUR, home, feature, NOW.isoformat()],
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    assert found["tree"] == str(tree)
    return found


def copied(tree: Path, old: str, new: str) -> Path:
    for room in ROOMS:
        shutil.copytree(PROJECT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    catalogue = tree / "retain" / "features" / "catalogue.py"
    text = catalogue.read_text("utf-8")
    assert text.count(old) == 1
    catalogue.write_text(text.replace(old, new), "utf-8")
    return tree


def test_one_line_more_is_a_feature_everywhere(home: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"^    F\(.*\),$", GUIDE, flags=re.MULTILINE)
    found = toured(home, copied(tmp_path / "tree", FIRST, f"{FIRST}{line}\n"), "orders_7d")
    assert found["before"] == [2.0]
    assert found["snapshot"] == {"ada": 2.0, "bob": 0.0, "eve": 1.0}
    assert found["feast"]
    assert found["retrieved"] == [2.0, 0.0]
    assert found["online"] == [2.0]
    assert found["candidate"]
    assert found["chosen"]
    assert found["matrix"] == [2.0, 0.0]


def test_a_line_that_means_something_else_now_is_never_answered_from_an_old_row(
    home: Path, tmp_path: Path
) -> None:
    old = '_ORDERS = "count(*) FILTER (WHERE is_order)"'
    changed = copied(tmp_path / "tree", old, '_ORDERS = "10 * count(*) FILTER (WHERE is_order)"')
    found = toured(home, changed, "orders_lifetime")
    assert found["before"] == [40.0]
    assert found["snapshot"]["ada"] == 40.0
    assert found["online"] == [40.0]


def test_the_catalogue_in_the_docs_has_the_new_line(tmp_path: Path) -> None:
    (line,) = re.findall(r"^    F\(.*\),$", GUIDE, flags=re.MULTILINE)
    tree = copied(tmp_path / "tree", FIRST, f"{FIRST}{line}\n")
    publish = (PROJECT / "scripts" / "publish").read_text("utf-8")
    program = publish.split("<<'PYTHON'\n")[1].split("PYTHON\n")[0]
    (tree / "docs").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run([sys.executable, "-c", program], cwd=tree, env=environment, check=True)
    published = (tree / "docs" / "features.md").read_text("utf-8")
    assert "\n| `orders_7d` | orders in the last 7 days (frequency) | orders | 7 | 0 |" in published
