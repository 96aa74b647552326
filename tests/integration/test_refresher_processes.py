"""Several refreshers on one home: one works, and when it is killed another takes over."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from feature_repo.online import OnlineReader
from retain.clock import now
from retain.database import connect
from retain.event import Event, read_event, to_row
from retain.eventlog import EventLog
from retain.settings import Settings, load
from services.refresher_process import RefresherProcess
from tests.edges import due

WITHIN_SECONDS = 60


def viewed(event_id: str, customer_id: str):
    read = read_event(
        {
            "event_id": event_id,
            "type": "product_viewed",
            "customer_id": customer_id,
            "timestamp": now() - timedelta(minutes=1),
            "properties": {"product_id": "p"},
        },
        now(),
    )
    assert isinstance(read, Event)
    return to_row(read)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, home=tmp_path)


@pytest.fixture
def log(settings: Settings) -> EventLog:
    return EventLog(connect(settings.database_url))


@pytest.fixture
def started(settings: Settings):
    running: list[RefresherProcess] = []

    def start() -> RefresherProcess:
        one = RefresherProcess(settings)
        one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.stop()


def reflected(log: EventLog) -> bool:
    until = time.monotonic() + WITHIN_SECONDS
    while log.pending(1):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def views(settings: Settings, log: EventLog, customer_id: str) -> float:
    reader = OnlineReader(settings, log)
    found = reader.read([customer_id], now()).table.column("product_views_30d")[0].as_py()
    reader.close()
    return found


def test_what_was_accepted_while_nobody_ran_is_caught_up_at_the_start(
    settings, log, started
) -> None:
    log.append_rows([viewed(f"e{n}", f"c{n % 3}") for n in range(9)], mark_pending=True)
    started()
    assert reflected(log)
    assert views(settings, log, "c1") == 3.0


def test_when_the_one_that_works_is_killed_another_takes_over(settings, log, started) -> None:
    log.append_rows([viewed("e1", "c")], mark_pending=True)
    first = started()
    assert reflected(log)
    started()
    killed = first._child.pid
    first._stopping.set()
    os.kill(killed, signal.SIGKILL)
    log.append_rows([viewed("e2", "c")], mark_pending=True)
    assert reflected(log)
    assert views(settings, log, "c") == 2.0


def test_a_refresher_that_dies_is_started_again(log, started) -> None:
    only = started()
    log.append_rows([viewed("e1", "c")], mark_pending=True)
    assert reflected(log)
    os.kill(only._child.pid, signal.SIGKILL)
    log.append_rows([viewed("e2", "c")], mark_pending=True)
    assert reflected(log)


def test_what_is_sent_to_everyone_ends_no_child_not_even_one_that_is_starting(
    log, started, caplog
) -> None:
    only = started()
    while only._child is None:
        time.sleep(0.001)
    child = only._child
    for _ in range(5):
        for signum in (signal.SIGTERM, signal.SIGINT):
            child.send_signal(signum)
        time.sleep(0.02)
    log.append_rows([viewed("e1", "c")], mark_pending=True)
    assert reflected(log)
    child.send_signal(signal.SIGTERM)
    only.stop()
    assert child.returncode == 0
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def test_a_refresher_that_is_stopped_ends(started) -> None:
    only = started()
    while only._child is None:
        time.sleep(0.01)
    only.stop()
    assert only._child.poll() is not None


def test_rows_a_window_edge_has_passed_are_written_again_by_themselves(
    settings, log, started
) -> None:
    log.append_rows([viewed("e1", "c")])
    reader = OnlineReader(settings, log)
    reader.write(["c"], now())
    log.append_rows(
        [
            to_row(
                read_event(
                    {
                        "event_id": "old",
                        "type": "product_viewed",
                        "customer_id": "o",
                        "timestamp": now() - timedelta(days=31),
                        "properties": {"product_id": "p"},
                    },
                    now(),
                )
            )
        ]
    )
    reader.write(["o"], now() - timedelta(days=20))
    assert due(reader, ["c", "o"], now()) == ["o"]
    started()
    until = time.monotonic() + WITHIN_SECONDS
    while due(reader, ["c", "o"], now()) and time.monotonic() < until:
        time.sleep(0.05)
    assert due(reader, ["c", "o"], now()) == []
    reader.close()
