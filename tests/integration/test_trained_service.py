"""Really trained models: the batch, one answer and many at one moment are the same."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_repo.materialize import materialize
from retain import settings, simulator
from retain.clock import iso
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.ledger import Ledger
from retain.settings import Settings
from services import batch
from services.composition import compose
from tests.same_scores import assert_same
from tests.tiny_home import AS_OF
from tests.unit.services.fakes import Client
from training import pipeline, promotion

HEADS = ("churn", "next_purchase", "ltv", "rfm")
"""No model of the next products: what there is has to answer without it."""
MOMENTS = [AS_OF, AS_OF - timedelta(days=40, hours=5)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings.load({"RETAIN_AS_OF": iso(AS_OF)}, home=tmp_path_factory.mktemp("home"))
    log = EventLog(connect(made.database_url))
    for events in simulator.simulate(300, seed=11):
        log.append(events)
    run = pipeline.train(made, as_of=AS_OF - timedelta(days=45), horizon_days=30)
    ledger = Ledger(connect(made.database_url))
    for head in HEADS:
        promotion.promote(ledger, run.models[head], by="tests", reason="a test", force=True)
    materialize(made, AS_OF)
    return made


@pytest.fixture(scope="module")
def rows(home: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, list[Any]]:
    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    found = {}
    for moment in MOMENTS:
        batch.score(home, moment, out)
        found[moment] = pq.read_table(out).to_pylist()
    return found


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[Client]:
    service = compose(home)
    yield Client(service.application)
    service.close()


def predict(client: Client, **asked: Any) -> Any:
    answered = client.post("/predict", json=asked)
    assert answered.status_code == 200, answered.text
    return answered.json()


def undecided(answer: dict[str, Any]) -> dict[str, Any]:
    decision = {**answer["next_best_action"], "decision_id": None}
    return {**answer, "next_best_action": decision}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_batch_and_predict_are_equal_field_by_field(client, rows, moment) -> None:
    scored = rows[moment]
    ids = [row["customer_id"] for row in scored]
    answers = predict(client, customer_ids=ids, as_of=iso(moment))["predictions"]
    assert 0 < assert_same(scored, answers) < len(scored)
    statuses = Counter(row["status"] for row in scored)
    assert set(statuses) == {"ok", "already_churned"}
    # trained models tell customers apart
    for column in ("churn_probability", "purchase_probability_30d", "ltv_value"):
        assert len({row[column] for row in scored}) > 50, column


def test_one_customer_alone_is_answered_as_among_many_signals_too(client, rows) -> None:
    ids = [row["customer_id"] for row in rows[AS_OF]][:60]
    together = predict(client, customer_ids=ids)["predictions"]
    alone = [predict(client, customer_id=one) for one in ids]
    assert [undecided(one) for one in alone] == [undecided(one) for one in together]
    assert any(one["churn"]["signals"] for one in together)


def test_without_a_model_of_the_next_products_none_are_named(client, rows) -> None:
    ids = [row["customer_id"] for row in rows[AS_OF]]
    for one in predict(client, customer_ids=ids)["predictions"]:
        assert one["next_purchase"]["next_categories"] == []
        assert one["next_purchase"]["items_model"] is None


def test_who_withdrew_is_scored_by_nobody(home: Settings, rows, tmp_path: Path) -> None:
    one = next(row["customer_id"] for row in rows[AS_OF] if row["status"] == "ok")
    told = {
        "event_id": "withdrawn",
        "type": "consent_withdrawn",
        "customer_id": one,
        "timestamp": AS_OF - timedelta(hours=1),
        "properties": {"purpose": "profiling"},
    }
    event = read_event(told, AS_OF)
    assert isinstance(event, Event)
    EventLog(connect(home.database_url)).append(to_table([event]))
    materialize(home, AS_OF)
    service = compose(home)
    answer = predict(Client(service.application), customer_id=one)
    service.close()
    assert answer["status"] == "no_consent"
    for head, score in (("churn", "probability"), ("ltv", "value")):
        assert answer[head]["status"] == "no_consent"
        assert answer[head][score] is None
    out = tmp_path / "scores.parquet"
    batch.score(home, AS_OF, out)
    again = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}
    assert again.keys() == {row["customer_id"] for row in rows[AS_OF]}
    assert assert_same([again[one]], [answer]) > 0
    assert again[one]["churn_probability"] is again[one]["ltv_value"] is None


def test_a_batch_that_fails_leaves_the_scores_there_were(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scores.parquet"
    batch.score(home, AS_OF, out)
    before, spilled = out.read_bytes(), set((home.home / "spill").iterdir())

    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fails)
    with pytest.raises(OSError, match="no space"):
        batch.score(home, AS_OF, out)
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == before
    assert set((home.home / "spill").iterdir()) <= spilled
