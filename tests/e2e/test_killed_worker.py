"""A worker killed in the middle: every acknowledged event is there, none twice, all reflected."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from tests.served import Served, children, clean_environment, served, worker_of
from tests.tiny_home import AS_OF, make_home

EVENTS = 300
KILL_AFTER = 60
GIVE_UP_AFTER_SECONDS = 120


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def service(home, tmp_path_factory):
    environment = clean_environment(RETAIN_HOME=str(home.home), RETAIN_AS_OF=iso(AS_OF))
    folder = tmp_path_factory.mktemp("elsewhere")
    with served(
        [sys.executable, "-m", "services", "--workers", "1"], folder, environment
    ) as running:
        yield running


def viewed(number: int) -> dict:
    return {
        "event_id": f"k-{number}",
        "type": "product_viewed",
        "customer_id": f"C000000{1 + number % 9}",
        "timestamp": iso(AS_OF),
        "properties": {"product_id": "sku-1"},
    }


def test_a_killed_worker_loses_no_acknowledged_event_and_doubles_none(
    service: Served, home
) -> None:
    log = EventLog(connect(home.database_url))
    before = log.last_seq()
    acknowledged: list[str] = []
    enough = threading.Event()
    until = time.monotonic() + GIVE_UP_AFTER_SECONDS

    def report(number: int) -> None:
        event = viewed(number)
        while time.monotonic() < until:
            try:
                status, answer = service.ask("/events", event)
            except (OSError, HTTPException):
                status = 0
            if status == 200:
                assert answer["results"][0]["status"] in ("accepted", "duplicate")
                acknowledged.append(event["event_id"])
                if len(acknowledged) == KILL_AFTER:
                    enough.set()
                return
            time.sleep(0.05)

    with ThreadPoolExecutor(8) as clients:
        reports = [clients.submit(report, number) for number in range(EVENTS)]
        assert enough.wait(GIVE_UP_AFTER_SECONDS)
        worker = worker_of(service)
        below = children(worker)
        os.kill(worker, signal.SIGKILL)
        for one in reports:
            one.result()
    assert len(acknowledged) == EVENTS
    stored = [one for table in log.after(before) for one in table.column("event_id").to_pylist()]
    assert sorted(stored) == sorted(acknowledged)
    status, _ = service.ask("/events?wait=true", viewed(0))
    assert status == 200
    while log.pending(1) and time.monotonic() < until:
        time.sleep(0.05)
    assert log.pending() == {}
    assert worker_of(service) != worker
    # what the killed one had started has ended with it
    while time.monotonic() < until and any(Path(f"/proc/{one}").exists() for one in below):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{one}").exists() for one in below)
