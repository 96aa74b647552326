"""A home whose operational tables are on PostgreSQL: events in, features, models, answers out."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli import installation
from feature_repo.offline import build
from retain import history
from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from retain.importers import import_file
from retain.ledger import Ledger
from retain.settings import Settings, load
from services.composition import compose
from tests.postgres_server import PostgresServer
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.tiny_shop import END, shop
from tests.unit.services.fakes import Client
from training import pipeline


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as made:
        yield made


@pytest.fixture(scope="module")
def home(url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"), RETAIN_DATABASE_URL=url)


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


def test_everybody_is_predicted(client: Client, customers: list[str]) -> None:
    answered = predict(client, *customers)
    assert [one["customer_id"] for one in answered] == customers
    assert any(one["status"] == "ok" for one in answered)


def test_an_event_is_durable_counted_once_and_seen_by_the_next_read(
    client: Client, home: Settings, customers: list[str]
) -> None:
    log = EventLog(connect(home.database_url))
    before = log.count()
    event = {
        "event_id": "seen",
        "type": "product_viewed",
        "customer_id": customers[0],
        "timestamp": iso(AS_OF - timedelta(minutes=5)),
        "properties": {"product_id": "sku-1"},
    }
    statuses = [
        client.post("/events?wait=true", json=event).json()["results"][0]["status"]
        for _ in range(2)
    ]
    assert statuses == ["accepted", "duplicate"]
    assert log.count() == before + 1
    assert log.waiting.among(customers) == set()


def test_a_decision_is_reserved_found_again_and_told_what_became_of_it(
    client: Client, customers: list[str]
) -> None:
    made = client.post("/rank", json={"customer_id": customers[0]}).json()
    found = client.get(f"/decisions/{made['decision_id']}")
    assert found.status_code == 200
    told = {
        "feedback_id": "f-1",
        "decision_id": made["decision_id"],
        "action_id": made["actions"][0]["action_id"],
        "outcome": "sent",
    }
    results = [client.post("/feedback", json=told).json()["results"][0]["status"] for _ in range(2)]
    assert results == ["accepted", "duplicate"]


def test_nothing_of_it_is_in_a_file_of_the_home(home: Settings, client: Client) -> None:
    assert not (home.home / "retain.db").exists()
    assert list(home.history.glob("day=*/part-*.parquet"))


def test_doctor_reaches_it(home: Settings, client: Client) -> None:
    found = {one.check: one for one in installation.examine(home)}
    assert found["event log"].ok, found["event log"].detail
    assert found["champions"].ok, found["champions"].detail
    assert found["online store"].ok, found["online store"].detail


def test_a_file_is_imported_and_models_trained_from_it_become_champions(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    events = shop(customers=400)
    pq.write_table(events, tmp_path / "events.parquet")
    with postgres_server.database() as url:
        made = load({"RETAIN_DATABASE_URL": url}, home=tmp_path)
        engine = connect(url)
        log = EventLog(engine)
        for stored in (events.num_rows, 0):
            report = import_file(tmp_path / "events.parquet", "retain", log, made.imports)
            assert report.events_written == stored
        build(made, [END])
        assert history.exported_seq(made.history) == log.last_seq()
        run = pipeline.train(made, as_of=END, horizon_days=30)
        names = pipeline.promote_all(made, run)
        champions = {head: Ledger(engine).champion(head) for head in run.models}
        assert [f"{head}:{version}" for head, version in champions.items() if version] == names
        assert champions["churn"] == run.models["churn"].version
        engine.dispose()
