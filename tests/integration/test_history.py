"""The history holds the log exactly once, whatever happened to the export before."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from retain import history
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import LOGGED_SCHEMA, EventLog

START = datetime(2026, 1, 1, tzinfo=UTC)


def open_log(home: Path) -> EventLog:
    return EventLog(connect(f"sqlite:///{home / 'retain.db'}"))


def add(log: EventLog, count: int, *, first: int = 0) -> None:
    events = []
    for number in range(first, first + count):
        record = {
            "event_id": f"e{number}",
            "type": "page_viewed",
            "customer_id": f"c{number % 7}",
            "ts": (START + timedelta(hours=5 * (number % 50))).isoformat(),
            "properties": {"page": "home"},
        }
        event = read_event(record, START + timedelta(days=60))
        assert isinstance(event, Event)
        events.append(event)
    log.append(to_table(events))


def stored(folder: Path) -> list[tuple[int, str]]:
    query = f"SELECT seq, event_id FROM read_parquet('{history.glob(folder)}') ORDER BY seq"
    return duckdb.sql(query).fetchall()


def test_an_export_holds_every_event_once_under_its_day(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    add(log, 300)
    assert history.export(log, tmp_path / "history") == 300
    assert stored(tmp_path / "history") == [(n + 1, f"e{n}") for n in range(300)]
    days = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{history.glob(tmp_path / 'history')}') "
        "WHERE strftime(timezone('UTC', ts), '%Y-%m-%d') <> strftime(day, '%Y-%m-%d')"
    ).fetchall()
    assert days == [(0,)]


def test_parts_have_the_columns_of_the_log(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    log = open_log(tmp_path)
    add(log, 3)
    history.export(log, tmp_path / "history")
    part = next((tmp_path / "history").glob("day=*/part-*.parquet"))
    assert pq.read_schema(part).equals(LOGGED_SCHEMA)


def test_a_second_export_adds_only_what_is_new(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    add(log, 100)
    history.export(log, tmp_path / "history")
    before = set((tmp_path / "history").glob("day=*/*"))
    assert history.export(log, tmp_path / "history") == 0
    assert set((tmp_path / "history").glob("day=*/*")) == before
    add(log, 40, first=100)
    assert history.export(log, tmp_path / "history") == 40
    assert len(stored(tmp_path / "history")) == 140
    assert history.exported_seq(tmp_path / "history") == 140


def test_batches_follow_each_other_without_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 64)
    monkeypatch.setattr(history, "_CHUNK", 32)
    log = open_log(tmp_path)
    add(log, 300)
    told: list[tuple[int, int]] = []
    history.export(log, tmp_path / "history", lambda done, total: told.append((done, total)))
    assert [seq for seq, _ in stored(tmp_path / "history")] == list(range(1, 301))
    assert told[-1] == (300, 300)


def test_an_empty_log_exports_nothing(tmp_path: Path) -> None:
    assert history.export(open_log(tmp_path), tmp_path / "history") == 0
    assert history.exported_seq(tmp_path / "history") == 0


def _export_and_die(home: str, parts: int) -> None:
    replace = Path.replace
    written = 0

    def dying(self: Path, target: Path) -> Path:
        nonlocal written
        written += 1
        if written > parts:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = dying  # type: ignore[method-assign]
    history.export(open_log(Path(home)), Path(home) / "history")


@pytest.mark.parametrize("parts", [0, 3, 11])
def test_a_killed_export_leaves_no_duplicate_and_no_gap(tmp_path: Path, parts: int) -> None:
    log = open_log(tmp_path)
    add(log, 200)
    # 200 events lie on 11 days: with 11 parts written only the marker is missing
    process = multiprocessing.get_context("spawn").Process(
        target=_export_and_die, args=(str(tmp_path), parts)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    add(log, 50, first=200)
    history.export(log, tmp_path / "history")
    assert stored(tmp_path / "history") == [(n + 1, f"e{n}") for n in range(250)]
    assert not list((tmp_path / "history").rglob("*.unfinished"))
    assert not list((tmp_path / "history").glob(".spill-*"))
