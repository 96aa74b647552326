"""A service under load that is told to end: every request that was begun is answered."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

import pytest

from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from tests.served import Served, clean_environment, served
from tests.tiny_home import AS_OF, make_home

CLIENTS = 8
NEWCOMERS = 4
ANSWERS_BEFORE = 200
GIVE_UP_AFTER_SECONDS = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def service(home, tmp_path_factory):
    environment = clean_environment(RETAIN_HOME=str(home.home), RETAIN_AS_OF=iso(AS_OF))
    folder = tmp_path_factory.mktemp("elsewhere")
    with served(
        [sys.executable, "-m", "services", "--workers", "2"], folder, environment
    ) as running:
        yield running


def viewed(client: int, number: int) -> dict:
    return {
        "event_id": f"d-{client}-{number}",
        "type": "product_viewed",
        "customer_id": f"C000000{1 + number % 9}",
        "timestamp": iso(AS_OF),
        "properties": {"product_id": "sku-1"},
    }


def connects(place: SplitResult, statuses: list[int]) -> str:
    """Connect anew for every question, until there is nobody to connect to."""
    while True:
        connection = HTTPConnection(place.hostname, place.port, timeout=GIVE_UP_AFTER_SECONDS)
        try:
            connection.connect()
        except OSError:
            return "not let in"
        try:
            connection.request("POST", "/predict", json.dumps({"customer_id": "C0000001"}))
            statuses.append(connection.getresponse().status)
        except (OSError, HTTPException) as error:
            return f"lost: {error!r}"
        connection.close()


def test_every_request_that_was_begun_is_answered_and_every_acknowledged_event_is_stored(
    service: Served, home
) -> None:
    log = EventLog(connect(home.database_url))
    before = log.last_seq()
    place = urlsplit(service.url)
    statuses: list[int] = []
    acknowledged: list[str] = []
    lost: list[Exception] = []
    enough = threading.Event()

    def asks(client: int) -> str:
        """Ask over one connection, which is kept alive, until it is told to close."""
        connection = HTTPConnection(place.hostname, place.port, timeout=GIVE_UP_AFTER_SECONDS)
        for number in range(1_000_000):
            event = viewed(client, number)
            path, body = ("/events", event) if number % 2 else ("/predict", event["customer_id"])
            asked = body if path == "/events" else {"customer_id": body}
            try:
                connection.request("POST", path, json.dumps(asked))
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException) as error:
                lost.append(error)
                return "lost"
            statuses.append(answer.status)
            if path == "/events" and answer.status == 200:
                acknowledged.append(event["event_id"])
            if len(statuses) >= ANSWERS_BEFORE:
                enough.set()
            if answer.headers["Connection"] == "close":
                return "closed"
        return "never told"

    with ThreadPoolExecutor(CLIENTS + NEWCOMERS) as clients:
        asking = [clients.submit(asks, client) for client in range(CLIENTS)]
        coming = [clients.submit(connects, place, statuses) for _ in range(NEWCOMERS)]
        assert enough.wait(GIVE_UP_AFTER_SECONDS)
        assert service.stop() == 0
        ended = [one.result() for one in asking]
        assert [one.result() for one in coming] == ["not let in"] * NEWCOMERS
    assert lost == []
    assert ended == ["closed"] * CLIENTS
    # a machine that is busy with something else makes the service refuse, which is an answer
    assert {200} <= set(statuses) <= {200, 503}
    stored = [one for table in log.after(before) for one in table.column("event_id").to_pylist()]
    assert sorted(stored) == sorted(acknowledged)
