"""The history holds the log exactly once, whatever happened to the export before."""

import multiprocessing
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import event

from retain import history
from retain.database import connect
from retain.errors import Conflict
from retain.event import Event, read_event, to_table
from retain.eventlog import LOGGED_SCHEMA, EventLog

START = datetime(2026, 1, 1, tzinfo=UTC)


def open_log(url: str) -> EventLog:
    return EventLog(connect(url))


@pytest.fixture
def log(database_url: str) -> EventLog:
    return open_log(database_url)


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


def test_an_export_holds_every_event_once_under_its_day(log: EventLog, tmp_path: Path) -> None:
    add(log, 300)
    assert history.export(log, tmp_path / "history") == 300
    assert stored(tmp_path / "history") == [(n + 1, f"e{n}") for n in range(300)]
    days = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{history.glob(tmp_path / 'history')}') "
        "WHERE strftime(timezone('UTC', ts), '%Y-%m-%d') <> strftime(day, '%Y-%m-%d')"
    ).fetchall()
    assert days == [(0,)]


def test_parts_have_the_columns_of_the_log(log: EventLog, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    add(log, 3)
    history.export(log, tmp_path / "history")
    part = next((tmp_path / "history").glob("day=*/part-*.parquet"))
    assert pq.read_schema(part).equals(LOGGED_SCHEMA)


def test_a_second_export_adds_only_what_is_new(log: EventLog, tmp_path: Path) -> None:
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
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 64)
    monkeypatch.setattr(history, "_CHUNK", 32)
    add(log, 300)
    told: list[tuple[int, int]] = []
    history.export(log, tmp_path / "history", lambda done, total: told.append((done, total)))
    assert [seq for seq, _ in stored(tmp_path / "history")] == list(range(1, 301))
    assert told[-1] == (300, 300)


def test_an_empty_log_exports_nothing(log: EventLog, tmp_path: Path) -> None:
    assert history.export(log, tmp_path / "history") == 0
    assert history.exported_seq(tmp_path / "history") == 0


def _export_and_die(url: str, home: str, parts: int) -> None:
    replace = Path.replace
    written = 0

    def dying(self: Path, target: Path) -> Path:
        nonlocal written
        written += 1
        if written > parts:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = dying  # type: ignore[method-assign]
    history.export(open_log(url), Path(home) / "history")


@pytest.mark.parametrize("parts", [0, 3, 11])
def test_a_killed_export_leaves_no_duplicate_and_no_gap(
    log: EventLog, database_url: str, tmp_path: Path, parts: int
) -> None:
    add(log, 200)
    # 200 events lie on 11 days: with 11 parts written only the marker is missing
    process = multiprocessing.get_context("spawn").Process(
        target=_export_and_die, args=(database_url, str(tmp_path), parts)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    add(log, 50, first=200)
    history.export(log, tmp_path / "history")
    assert stored(tmp_path / "history") == [(n + 1, f"e{n}") for n in range(250)]
    assert not list((tmp_path / "history").rglob("*.unfinished"))
    assert not list((tmp_path / "history").glob(".spill-*"))


def test_the_history_of_one_log_is_not_continued_from_another(
    log: EventLog, tmp_path: Path
) -> None:
    other = open_log(f"sqlite:///{tmp_path / 'other.db'}")
    add(log, 30)
    history.export(log, tmp_path / "history")
    with pytest.raises(Conflict, match="another event log"):
        history.export(other, tmp_path / "history")
    add(other, 60, first=7)
    with pytest.raises(Conflict, match="another event log") as caught:
        history.export(other, tmp_path / "history")
    assert "RETAIN_DATABASE_URL" in caught.value.remedy
    assert len(stored(tmp_path / "history")) == 30


def test_an_event_committed_late_is_exported_all_the_same(
    log: EventLog, database_url: str, tmp_path: Path
) -> None:
    slow = open_log(database_url)
    stored_but_not_committed, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        stored_but_not_committed.set()
        go_on.wait()

    event.listen(slow.engine, "commit", hold)
    first = threading.Thread(target=add, args=(slow, 1))
    second = threading.Thread(target=add, args=(log, 1), kwargs={"first": 1})
    first.start()
    stored_but_not_committed.wait()
    second.start()
    try:
        second.join(0.5)  # it waits for the first; one that does not is done by now
        history.export(log, tmp_path / "history")
    finally:
        go_on.set()
        first.join()
        second.join()
    history.export(log, tmp_path / "history")
    assert stored(tmp_path / "history") == [(1, "e0"), (2, "e1")]


def _append_in_turns(url: str, writer: int, batches: int) -> None:
    log = open_log(url)
    for batch in range(batches):
        add(log, 20, first=(writer * batches + batch) * 20)


def test_an_export_misses_nothing_of_what_is_appended_meanwhile(
    log: EventLog, database_url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_append_in_turns, args=(database_url, n, 20)) for n in range(3)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        history.export(log, tmp_path / "history")
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    history.export(log, tmp_path / "history")
    assert [seq for seq, _ in stored(tmp_path / "history")] == list(range(1, 1_201))
