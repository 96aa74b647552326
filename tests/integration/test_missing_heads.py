"""A home whose data trains not every head: what there is answers, the rest says no_model."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import Settings
from services import batch
from services.composition import compose
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client


@pytest.fixture(scope="module", params=[("churn", "next_purchase"), ("ltv",)])
def home(request, tmp_path_factory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"), heads=request.param)


@pytest.fixture(scope="module")
def there(home: Settings) -> set[str]:
    stores = (home.bentoml_home / "models").glob("retain-*")
    return {path.name.removeprefix("retain-").replace("-", "_") for path in stores}


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[Client]:
    service = compose(home)
    yield Client(service.application)
    service.close()


def ids(home: Settings) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))


def test_every_head_keeps_its_object_and_a_missing_one_says_so(home, there, client) -> None:
    answered = client.post("/predict", json={"customer_ids": ids(home)})
    assert answered.status_code == 200, answered.text
    for one in answered.json()["predictions"]:
        assert one["status"] != "no_model"
        for head in ("churn", "next_purchase", "ltv"):
            assert (one[head]["status"] == "no_model") == (head not in there)
            assert (one[head]["model"] is None) == (head not in there)
            assert head in there or one[head].get("horizon_days") is None
        assert one["next_best_action"]["action_id"]


def test_only_the_models_there_are_listed_and_it_is_ready(there, client) -> None:
    listed = {one["head"] for one in client.get("/models").json()["models"]}
    assert listed == there
    assert client.get("/readyz").json()["status"] == "ready"


def test_a_decision_is_made_without_the_missing_scores(home, client) -> None:
    for customer_id in ids(home)[:10]:
        asked = {"customer_id": customer_id, "receipt": True}
        decided = client.post("/rank", json=asked)
        assert decided.status_code == 200, decided.text
        assert all(math.isfinite(one["score"]) for one in decided.json()["actions"])


def test_the_columns_of_a_missing_head_are_null_in_the_batch(
    home: Settings, there: set[str], tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    assert batch.score(home, AS_OF, out) > 20
    table = pq.read_table(out)
    for head, columns in {
        "churn": ["churn_probability"],
        "next_purchase": ["purchase_probability_30d", "expected_next_order_at"],
        "ltv": ["ltv_value", "ltv_low", "ltv_high", "ltv_horizon_days"],
    }.items():
        for name in columns:
            empty = table[name].null_count == table.num_rows
            assert empty == (head not in there), name


def becomes(client: Client, status: str) -> bool:
    """Whether ``/readyz`` says so within a while, answering 200 all the time."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        if answer.json()["status"] == status:
            return True
        time.sleep(0.1)
    return False


def test_a_service_whose_database_goes_stays_and_says_so_and_takes_no_events(home, client) -> None:
    path = Path(connect(home.database_url).url.database or "")
    aside = path.rename(path.with_name("aside.db"))
    try:
        assert becomes(client, "degraded")
        event = {"type": "cart_viewed", "customer_id": "a", "timestamp": "2026-10-30T00:00:00Z"}
        assert client.post("/events", json=[event]).status_code == 503
    finally:
        aside.rename(path)
    assert becomes(client, "ready")
