"""Two workers on one home: started, asked, told to stop."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from retain.clock import iso
from retain.database import connect
from retain.decisions.store import Decisions
from retain.eventlog import EventLog
from tests.served import Served, clean_environment, served
from tests.tiny_home import AS_OF, make_home

SERVE = [sys.executable, "-m", "services"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def home(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    if request.param == "sqlite":
        yield make_home(folder)
        return
    with request.getfixturevalue("postgres_server").database() as url:
        yield make_home(folder, RETAIN_DATABASE_URL=url)


@pytest.fixture(scope="module")
def environment(home) -> dict[str, str]:
    return clean_environment(
        RETAIN_HOME=str(home.home),
        RETAIN_AS_OF=iso(AS_OF),
        RETAIN_DATABASE_URL=home.database_url,
    )


@pytest.fixture(scope="module")
def service(environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    with served([*SERVE, "--workers", "2"], folder, environment) as running:
        yield running


def viewed(number: int) -> dict:
    return {
        "event_id": f"e-{number}",
        "type": "product_viewed",
        "customer_id": f"C000000{1 + number % 9}",
        "timestamp": iso(AS_OF),
        "properties": {"product_id": "sku-1"},
    }


def test_many_at_once_are_all_answered_and_nothing_accepted_is_lost(service: Served, home) -> None:
    log = EventLog(connect(home.database_url))
    before = log.count()

    def both(number: int) -> tuple[int, int]:
        took = service.ask("/events?wait=true", viewed(number))[0]
        asked = service.ask("/predict", {"customer_id": viewed(number)["customer_id"]})[0]
        return took, asked

    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(both, range(18)))
    assert answers == [(200, 200)] * 18
    assert log.count() == before + 18
    assert log.pending(1) == {}


def test_the_metrics_are_of_all_workers_together(service: Served) -> None:
    import re
    from urllib.request import urlopen

    def accepted() -> float:
        text = urlopen(f"{service.url}/metrics").read().decode()
        return sum(map(float, re.findall(r'retain_events_total\{outcome="accepted"\} (\S+)', text)))

    before = accepted()
    told = [viewed(number) | {"event_id": f"counted-{number}"} for number in range(12)]
    with ThreadPoolExecutor(6) as clients:
        list(clients.map(lambda event: service.ask("/events", event), told))
    # whichever worker answers has counted those of the others too
    assert [accepted() for _ in range(4)] == [before + len(told)] * 4


def test_a_receipt_that_waits_is_written_when_the_service_is_told_to_stop(
    service: Served, home
) -> None:
    ids = [
        service.ask("/predict", {"customer_id": f"C000000{number}"})[1]["next_best_action"][
            "decision_id"
        ]
        for number in range(1, 9)
    ]
    assert service.stop() == 0
    decisions = Decisions(connect(home.database_url))
    assert [decisions.get(one)["decision_id"] for one in ids] == ids


def test_every_line_of_the_log_from_the_first_to_the_last_is_json(service: Served) -> None:
    if service.process.poll() is None:
        service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {one["process"] for one in lines} == {"supervisor", "worker"}
    assert all(one["message"] for one in lines)


def test_a_start_without_models_ends_with_one_reason(tmp_path) -> None:
    environment = clean_environment(RETAIN_HOME=str(tmp_path / "empty"))
    ended = subprocess.run(
        SERVE, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "nothing to serve" in said
    assert "retain train" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())
