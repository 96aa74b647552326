"""A home whose online features are in Redis: the whole service over a real server."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cli import installation
from feature_repo.materialize import materialize
from feature_repo.packed_home import is_started, online_rows
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_view import stored_views
from feature_repo.store import open_store
from retain.clock import iso, to_micros
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import Settings, load
from services.composition import compose
from tests.redis_server import redis_server, require_redis
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, object]]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def home(server: tuple[int, object], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    url = f"redis://127.0.0.1:{server[0]}/3"
    return make_home(tmp_path_factory.mktemp("home"), RETAIN_ONLINE_URL=url)


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[Client]:
    service = compose(home)
    yield Client(service.application)
    service.close()


@pytest.fixture(scope="module")
def customers(home: Settings) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))


def predict(client: Client, *customer_ids: str) -> list[dict]:
    response = client.post("/predict", json={"customer_ids": customer_ids})
    assert response.status_code == 200, response.text
    return response.json()["predictions"]


def predicted_soon(client: Client, customer_id: str) -> bool:
    """Whether reads succeed again: after a failure they fail at once for a second."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if client.post("/predict", json={"customer_id": customer_id}).status_code == 200:
            return True
        time.sleep(0.1)
    return False


def test_everybody_is_predicted_from_rows_in_redis(
    client: Client, home: Settings, customers: list[str]
) -> None:
    answered = predict(client, *customers)
    assert [one["customer_id"] for one in answered] == customers
    assert {one["features_as_of"] for one in answered} == {iso(AS_OF)}
    assert {tuple(one["stale_views"]) for one in answered} == {()}
    ages = PackedReader(online_rows(home), stored_views()).read_table(customers, AS_OF).ages
    assert ages.present.all()


def test_no_file_of_the_home_holds_online_rows(home: Settings, client: Client) -> None:
    assert not (home.feast / "packed.db").exists()
    assert is_started(home)


def test_an_empty_redis_is_told_from_a_filled_one(home: Settings, server, tmp_path: Path) -> None:
    other = load({"RETAIN_ONLINE_URL": f"redis://127.0.0.1:{server[0]}/4"}, home=tmp_path)
    assert not is_started(other)
    assert not is_started(load({}, home=tmp_path))


def test_the_refresher_writes_the_rows_of_who_did_something(
    client: Client, home: Settings, customers: list[str]
) -> None:
    materialize(home, AS_OF - timedelta(days=1))
    event = {
        "event_id": "seen",
        "type": "product_viewed",
        "customer_id": customers[0],
        "timestamp": iso(AS_OF - timedelta(minutes=5)),
        "properties": {"product_id": "sku-1"},
    }
    told = client.post("/events?wait=true", json=event).json()["results"][0]
    assert told["status"] == "accepted"
    stored = PackedReader(online_rows(home), stored_views()).read_table(customers[:1], AS_OF)
    [seen] = stored.table["visit_recency_at"].to_pylist()
    assert seen == to_micros(AS_OF - timedelta(minutes=5))


def test_feast_reads_the_same_rows(home: Settings, customers: list[str]) -> None:
    some = customers[:5]
    answer = open_store(home).get_online_features(
        ["orders:orders_lifetime", "profile:country"], [{"customer_id": one} for one in some]
    )
    stored = PackedReader(online_rows(home), stored_views()).read_table(some, AS_OF).table
    read = answer.to_dict()
    assert read["orders_lifetime"] == stored["orders_lifetime"].to_pylist()
    assert read["country"] == stored["country"].to_pylist()


def test_doctor_reaches_it(home: Settings, client: Client) -> None:
    found = {one.check: one for one in installation.examine(home)}
    assert found["online store"].ok, found["online store"].detail
    assert not found["online store"].warning


def test_doctor_warns_of_a_redis_that_was_never_loaded(
    home: Settings, server: tuple[int, object]
) -> None:
    other = replace(home, online_url=f"redis://127.0.0.1:{server[0]}/7")
    (found,) = [one for one in installation.examine(other) if one.check == "online store"]
    assert found.state == "warn"
    assert "materialize" in found.warning


def test_a_frozen_redis_costs_a_request_little_and_the_service_recovers_by_itself(
    client: Client, customers: list[str], server
) -> None:
    _, process = server
    predict(client, customers[0])
    process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(2):
            started = time.monotonic()
            answer = client.post("/predict", json={"customer_ids": customers})
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            # redis-py's own defaults would wait without end, or three times over
            assert time.monotonic() - started < 1
    finally:
        process.send_signal(signal.SIGCONT)
    assert predicted_soon(client, customers[0])


def test_a_redis_that_was_lost_is_done_without_and_filled_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    require_redis()
    folder = tmp_path_factory.mktemp("lost")
    with redis_server(folder) as (port, process):
        made = make_home(folder / "home", 5, RETAIN_ONLINE_URL=f"redis://127.0.0.1:{port}")
        service = compose(made)
        client = Client(service.application)
        [someone, *_] = sorted(customers_of(EventLog(connect(made.database_url))))
        try:
            predict(client, someone)
            process.kill()
            process.wait()
            started = time.monotonic()
            assert predict(client, someone)[0]["features_as_of"] == iso(AS_OF)
            assert time.monotonic() - started < 1
            with redis_server(folder, port):
                assert predicted_soon(client, someone)
                materialize(made, AS_OF)
                stored = PackedReader(online_rows(made), stored_views())
                assert stored.read_table([someone], AS_OF).ages.present.all()
        finally:
            service.close()
