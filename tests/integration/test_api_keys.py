"""API keys of a service that runs: made, revoked and exchanged beside it."""

import time
from datetime import timedelta

import pytest

from retain.access import Access
from retain.database import connect
from retain.keys import Keys, Scope
from services.composition import compose
from tests.tiny_home import make_home
from tests.unit.services.fakes import Client

LONGEST_SECONDS = 60.0


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"), customers=20)


@pytest.fixture(scope="module")
def client(home):
    service = compose(home, Access(keys="required"))
    yield Client(service.application)
    service.close()


@pytest.fixture
def keys(home) -> Keys:
    return Keys(connect(home.database_url))


def status(client: Client, text: str | None, path: str = "/models") -> int:
    headers = {} if text is None else {"authorization": f"Bearer {text}"}
    return client.get(path, headers=headers).status_code


def becomes(client: Client, text: str, expected: int) -> bool:
    """Whether the answer changes to ``expected`` without a restart, in far more than its time."""
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        if status(client, text) == expected:
            return True
        time.sleep(0.1)
    return False


def test_a_running_service_learns_of_a_key_and_of_its_end(client, keys) -> None:
    assert status(client, None) == 401
    made, text = keys.add("ops", [Scope.admin])
    assert becomes(client, text, 200)
    keys.revoke(made.id)
    assert becomes(client, text, 401)


def test_a_key_without_the_scope_cannot_ask_more_often_than_its_rate(client, keys) -> None:
    _, text = keys.add("crm", [Scope.score], rate=0.01)
    assert becomes(client, text, 403)
    assert [status(client, text) for _ in range(3)] == [429] * 3


def test_a_key_is_exchanged_without_a_gap(client, keys) -> None:
    old, before = keys.add("ops", [Scope.admin])
    assert becomes(client, before, 200)
    _, after = keys.rotate(old.id, timedelta(hours=1))
    assert becomes(client, after, 200)
    assert status(client, before) == 200


def test_probes_and_documentation_are_open_and_metrics_are_not(client, keys) -> None:
    open_ = [status(client, None, path) for path in ("/livez", "/readyz", "/docs", "/docs.json")]
    assert open_ == [200] * 4
    assert status(client, None, "/metrics") == 401
    _, text = keys.add("prometheus", [Scope.metrics])
    assert becomes(client, text, 403)
    assert status(client, text, "/metrics") == 200


def test_more_than_a_key_allows_is_refused_and_told_when_to_come_back(client, keys) -> None:
    _, text = keys.add("slow", [Scope.admin], rate=0.001)
    assert becomes(client, text, 200)
    refused = client.get("/models", headers={"x-api-key": text})
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:retain:problem:rate-limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 1_000
