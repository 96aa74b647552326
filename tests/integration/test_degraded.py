"""A store that dies while the service runs: what is still answered, what says that it cannot be."""

import fcntl
import logging
import multiprocessing
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from feature_repo.online import MOST_COMPUTED
from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import Settings
from services.composition import compose
from tests.postgres_server import PostgresServer, postgres_running
from tests.redis_server import redis_server, require_redis
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client

SCORES = ("churn", "next_purchase", "ltv", "segment")
NOTHING = {"status": "unavailable", "degraded": ["features"]}


@dataclass
class Stores:
    """A PostgreSQL and a Redis that can be killed, and a service over them."""

    postgres: PostgresServer
    redis_port: int
    redis: "subprocess.Popen[bytes]"
    client: Client
    customers: list[str]

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        self.postgres.process.kill()
        self.postgres.process.wait()
        yield
        # its children noticed meanwhile that they were orphaned
        again = subprocess.Popen(
            self.postgres.process.args, cwd=self.postgres.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        object.__setattr__(self.postgres, "process", again)
        assert soon(lambda: self.one().get("status") != "degraded" and "churn" in self.one())

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        self.redis.kill()
        self.redis.wait()
        yield

    def ask(self, path: str, body: object) -> dict:
        return answered(self.client, path, body)

    def one(self, **asked: object) -> dict:
        return self.ask("/predict", {"customer_id": self.customers[0], **asked})


def answered(client: Client, path: str, body: object) -> dict:
    answer = client.post(path, json=body)
    if answer.status_code == 503:
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
    return dict(answer.json())


def scored(client: Client, home: Settings) -> list[str]:
    """Customers whose answer is whole, those first who have every score."""
    engine = connect(home.database_url)
    ids = sorted(customers_of(EventLog(engine)))
    engine.dispose()
    told = answered(client, "/predict", {"customer_ids": ids})["predictions"]
    return [one["customer_id"] for one in sorted(told, key=lambda one: one["status"] != "ok")]


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def is_refused(answer: dict) -> bool:
    return answer.get("type") == "urn:retain:problem:store-unavailable"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    require_redis()
    with (
        postgres_running() as postgres,
        redis_server(tmp_path) as (port, redis),
        postgres.database() as url,
    ):
        home = make_home(
            tmp_path / "home",
            RETAIN_DATABASE_URL=url,
            RETAIN_ONLINE_URL=f"redis://127.0.0.1:{port}/0",
        )
        service = compose(home)
        client = Client(service.application)
        yield Stores(postgres, port, redis, client, scored(client, home))
        service.close()


def test_without_the_log_stored_features_answer_and_say_what_is_uncertain_until_it_is_back(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    before = stores.one()
    assert before["next_best_action"]
    assert "degraded" not in before
    with caplog.at_level(logging.WARNING, "retain.service"), stores.without_postgres():
        told = stores.one()
        assert told["status"] == "degraded"
        assert told["degraded"] == ["freshness", "next_best_action"]
        assert told["next_best_action"] is None
        assert told["features_as_of"] == iso(AS_OF)
        assert [told[name] for name in SCORES] == [before[name] for name in SCORES]
        assert "next_best_action" not in stores.one(include=["churn"])["degraded"]

        whole = stores.ask("/predict", {"customer_ids": ["nobody", *stores.customers]})
        nobody, *others = whole["predictions"]
        assert nobody == {"customer_id": "nobody", **NOTHING}
        assert all(one["degraded"] for one in others)

        assert is_refused(stores.ask("/predict", {"customer_id": "nobody"}))
        assert is_refused(stores.one(as_of=iso(AS_OF - timedelta(days=1))))
        assert is_refused(stores.one(include=["next_best_action"]))
        assert is_refused(stores.ask("/rank", {"customer_id": stores.customers[0]}))
        event = {
            "event_id": "e",
            "type": "cart_viewed",
            "customer_id": "c",
            "timestamp": iso(AS_OF),
        }
        assert is_refused(stores.ask("/events", event))
        outcome = {
            "feedback_id": "f", "decision_id": before["next_best_action"]["decision_id"],
            "action_id": before["next_best_action"]["action_id"], "outcome": "sent",
        }  # fmt: skip
        assert is_refused(stores.ask("/feedback", outcome))
        with stores.without_redis():
            assert is_refused(stores.one())
            with redis_server(stores.postgres.folder, stores.redis_port):
                pass
    told = [one.message for one in caplog.records if one.message.startswith("predictions ")]
    assert sum("degraded" in one and "freshness" in one for one in told) == 1
    text = stores.client.get("/metrics").text
    assert 'retain_predictions_degraded_total{part="next_best_action"}' in text
    assert 'retain_predictions_total{status="degraded"}' in text


def test_without_redis_a_few_customers_are_computed_from_the_log_and_lists_are_refused(
    stores: Stores,
) -> None:
    few, many = stores.customers[:MOST_COMPUTED], stores.customers[: MOST_COMPUTED + 1]
    before = stores.ask("/predict", {"customer_ids": few, "include": SCORES})
    with stores.without_redis():
        # right, and nothing missing
        assert stores.ask("/predict", {"customer_ids": few, "include": SCORES}) == before
        assert stores.one()["next_best_action"]
        assert stores.ask("/rank", {"customer_id": few[0]})["actions"]
        assert is_refused(stores.ask("/predict", {"customer_ids": many}))
        with redis_server(stores.postgres.folder, stores.redis_port):
            pass


def test_a_store_that_stands_still_is_done_without_like_one_that_is_gone(stores: Stores) -> None:
    few, many = stores.customers[:MOST_COMPUTED], stores.customers[: MOST_COMPUTED + 1]
    before = stores.ask("/predict", {"customer_ids": few, "include": SCORES})
    event = {"event_id": "e", "type": "cart_viewed", "customer_id": "c", "timestamp": iso(AS_OF)}
    with stores.postgres.frozen():
        # those that wait when it is noticed are answered then, and nobody waits any more
        assert stores.one()["degraded"] == ["freshness", "next_best_action"]
        assert is_refused(stores.ask("/events", event))
        assert is_refused(stores.ask("/rank", {"customer_id": few[0]}))
        assert stores.client.get("/readyz").json()["status"] == "degraded"
        text = stores.client.get("/metrics").text
        assert 'retain_breaker_state{state="open",store="database_reads"} 1' in text
    assert soon(lambda: "degraded" not in stores.one())
    assert stores.ask("/events", event)["results"][0]["status"] == "accepted"

    stores.redis.send_signal(signal.SIGSTOP)
    try:
        assert stores.ask("/predict", {"customer_ids": few, "include": SCORES}) == before
        assert is_refused(stores.ask("/predict", {"customer_ids": many}))
    finally:
        stores.redis.send_signal(signal.SIGCONT)
    assert soon(lambda: "predictions" in stores.ask("/predict", {"customer_ids": many}))


@pytest.fixture
def locked_home(tmp_path: Path) -> Settings:
    return make_home(tmp_path, 8)


def test_a_log_locked_by_another_process_is_done_without_until_it_is_let_go(
    locked_home: Settings,
) -> None:
    service = compose(locked_home)
    client = Client(service.application)
    try:
        asked = {"customer_id": scored(client, locked_home)[0]}
        assert answered(client, "/predict", asked)["next_best_action"]
        with locked(locked_home.home / "retain.db-shm"):
            assert soon(lambda: client.get("/readyz").json()["status"] == "degraded")
            told = answered(client, "/predict", asked)
            assert told["status"] == "degraded"
            assert told["degraded"] == ["freshness", "next_best_action"]
            assert told["next_best_action"] is None
            assert is_refused(answered(client, "/predict", {"customer_id": "nobody"}))
        assert soon(lambda: "degraded" not in answered(client, "/predict", asked))
        assert answered(client, "/predict", asked)["next_best_action"]
    finally:
        service.close()


def test_where_stored_features_may_not_answer_alone_the_answer_is_a_503(tmp_path: Path) -> None:
    made = make_home(tmp_path, 8, RETAIN_DEGRADED_MAX_AGE_MINUTES="0")
    service = compose(made)
    client = Client(service.application)
    try:
        [someone, *_] = scored(client, made)
        (made.home / "retain.db").rename(made.home / "elsewhere")
        assert soon(lambda: is_refused(answered(client, "/predict", {"customer_id": someone})))
        (made.home / "elsewhere").rename(made.home / "retain.db")
        assert soon(lambda: "churn" in answered(client, "/predict", {"customer_id": someone}))
    finally:
        service.close()


@contextmanager
def locked(index: Path) -> Iterator[None]:
    """What a process does that holds every lock of a database: nobody reads or writes meanwhile."""
    context = multiprocessing.get_context("spawn")
    held, enough = context.Event(), context.Event()
    process = context.Process(target=hold, args=(index, held, enough))
    process.start()
    try:
        assert held.wait(20)
        yield
    finally:
        enough.set()
        process.join()


def hold(index: Path, held, enough) -> None:
    # of the shared memory of a database in WAL mode the bytes 120 to 127 are its locks
    with index.open("r+b") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 8, 120)
                break
            except OSError:
                time.sleep(0.001)
        held.set()
        enough.wait(60)
