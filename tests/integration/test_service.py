"""The service over a real home: log, features, tiny champions, decisions."""

import re
from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest

from retain.clock import iso
from retain.database import connect
from retain.errors import NoModel
from retain.eventlog import EventLog
from retain.settings import Settings, load
from retain.telemetry import Telemetry
from services import batch
from services.composition import compose
from tests.otlp_receiver import receiving
from tests.same_scores import FIELDS, assert_same
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(home: Settings):
    service = compose(home)
    yield Client(service.application)
    service.close()


@pytest.fixture(scope="module")
def customers(home: Settings, client) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))


@pytest.fixture
def buyer(client, customers) -> str:
    answered = client.post("/predict", json={"customer_ids": customers}).json()["predictions"]
    return next(one["customer_id"] for one in answered if one["status"] == "ok")


def predict(client, **asked) -> dict:
    response = client.post("/predict", json=asked)
    assert response.status_code == 200, response.text
    return response.json()


def viewed(customer_id: str, event_id: str, at: datetime = AS_OF - timedelta(minutes=5)) -> dict:
    return {
        "event_id": event_id,
        "type": "product_viewed",
        "customer_id": customer_id,
        "timestamp": iso(at),
        "properties": {"product_id": "sku-1"},
    }


def views(client, customer_id: str) -> float:
    features = client.get(f"/customers/{customer_id}").json()["features"]
    return features["product_views_30d"]["value"]


def test_an_id_with_slashes_has_a_profile(client) -> None:
    event = viewed("shop/4711/é", "slashed")
    assert client.post("/events?wait=true", json=event).status_code == 200
    found = client.get("/customers/shop%2F4711%2F%C3%A9")
    assert found.status_code == 200, found.text
    assert found.json()["customer_id"] == "shop/4711/é"


def test_a_profile_tells_no_score_that_a_prediction_withholds(client, customers, buyer) -> None:
    answered = predict(client, customer_ids=customers)["predictions"]
    gone = next(one for one in answered if one["churn"]["status"] == "already_churned")
    for one in (gone, next(one for one in answered if one["customer_id"] == buyer)):
        told = client.get(f"/customers/{one['customer_id']}").json()["features"]
        assert told["churn_probability"]["value"] == one["churn"]["probability"]
        assert told["ltv_value"]["value"] == one["ltv"]["value"]
        for days in (7, 30, 90):
            name = f"probability_{days}d"
            assert told[f"purchase_{name}"]["value"] == one["next_purchase"][name]


@pytest.mark.parametrize("as_of", [AS_OF, AS_OF - timedelta(days=60, hours=7)])
def test_a_batch_and_predict_at_one_moment_are_equal_field_by_field(
    home, client, tmp_path, as_of
) -> None:
    out = tmp_path / "scores.parquet"
    scored = batch.score(home, as_of, out)
    rows = pq.read_table(out).to_pylist()
    assert scored == len(rows) > 20
    ids = [row["customer_id"] for row in rows]
    answered = predict(client, customer_ids=ids, as_of=iso(as_of))["predictions"]
    withheld = assert_same(rows, answered)
    assert 0 < withheld < len(rows) * len(FIELDS)


def test_an_event_waited_for_is_in_the_features_and_in_no_earlier_answer(client, buyer) -> None:
    before = views(client, buyer)
    response = client.post("/events?wait=true", json=viewed(buyer, "w-1"))
    assert response.json()["results"][0]["status"] == "accepted"
    assert views(client, buyer) == before + 1
    earlier = predict(client, customer_id=buyer, as_of=iso(AS_OF - timedelta(minutes=6)))
    assert earlier["features_as_of"] <= iso(AS_OF - timedelta(minutes=6))


def test_an_event_is_in_the_features_soon_also_without_waiting(client, buyer) -> None:
    before = views(client, buyer)
    client.post("/events", json=viewed(buyer, "n-1"))
    while views(client, buyer) == before:
        pass
    assert views(client, buyer) == before + 1


def test_a_new_customer_is_known_after_the_first_event(client) -> None:
    assert client.post("/predict", json={"customer_id": "newcomer"}).status_code == 404
    client.post("/events", json=viewed("newcomer", "f-1"))
    assert predict(client, customer_id="newcomer")["churn"]["status"] == "insufficient_data"


def test_cloudevents_and_segment_calls_come_in_by_the_same_door(client, buyer) -> None:
    before = views(client, buyer)
    at = iso(AS_OF - timedelta(minutes=3))
    cloud = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "shop",
        "type": "product_viewed",
        "subject": buyer,
        "time": at,
        "data": {"product_id": "sku-1"},
    }
    segment = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "s-1",
        "userId": buyer,
        "timestamp": at,
        "properties": {"product_id": "sku-1"},
    }
    response = client.post("/events?wait=true", json={"events": [cloud, segment]})
    assert [one["status"] for one in response.json()["results"]] == ["accepted", "accepted"]
    assert views(client, buyer) == before + 2


def test_what_a_decision_takes_is_counted_by_stage(client, buyer) -> None:
    for whom in ({"customer_id": buyer}, {"customer_id": "stranger"}, {"anonymous_id": "v"}):
        before = stages(client)
        assert client.post("/rank", json=whom).status_code == 200
        after = stages(client)
        counted = {"decode", "decide", "encode"}
        counted |= set() if "anonymous_id" in whom else {"features"}
        counted |= {"predict"} if whom == {"customer_id": buyer} else set()
        assert {one for one in after if after[one] > before.get(one, 0.0)} == counted


def stages(client) -> dict[str, float]:
    """How often each stage of a decision was counted."""
    found = re.findall(
        r'^retain_stage_seconds_count\{route="/rank",stage="(.+?)"\} (\S+)$',
        client.get("/metrics").text,
        flags=re.MULTILINE,
    )
    return {stage: float(times) for stage, times in found}


def test_a_preview_is_not_counted_as_a_decision_that_was_made(client, buyer) -> None:
    before = decided(client)
    predict(client, customer_id=buyer)
    predict(client, customer_ids=[buyer, "stranger"])
    shown = decided(client)
    assert shown["preview"] == before["preview"] + 2
    assert shown["reserved"] == before["reserved"]
    client.post("/rank", json={"customer_id": buyer})
    assert decided(client) == {**shown, "reserved": shown["reserved"] + 1}


def decided(client) -> dict[str, float]:
    """How many decisions of each kind were counted."""
    found = re.findall(
        r'^retain_decisions_total\{.*kind="(.+?)"\} (\S+)$',
        client.get("/metrics").text,
        flags=re.MULTILINE,
    )
    return {
        kind: sum(float(times) for one, times in found if one == kind)
        for kind in ("preview", "reserved")
    }


def test_ranking_again_with_one_key_is_one_decision(client, buyer) -> None:
    ask = {"json": {"customer_id": buyer}, "headers": {"Idempotency-Key": "key-1"}}
    first, second = client.post("/rank", **ask), client.post("/rank", **ask)
    assert first.status_code == 200
    assert first.json() == second.json()


def test_one_key_for_two_requests_is_a_conflict(client, buyer) -> None:
    headers = {"Idempotency-Key": "key-2"}
    client.post("/rank", json={"customer_id": buyer}, headers=headers)
    response = client.post("/rank", json={"customer_id": buyer, "limit": 1}, headers=headers)
    assert response.status_code == 409
    assert response.json()["type"] == "urn:retain:problem:conflict"


def test_a_preview_is_found_by_its_id_and_takes_feedback(client, customers) -> None:
    answered = predict(client, customer_ids=customers)["predictions"]
    action = next(
        one["next_best_action"]
        for one in answered
        if one["next_best_action"]["action_id"] != "none"
    )
    receipt = client.get(f"/decisions/{action['decision_id']}")
    assert receipt.status_code == 200
    assert receipt.json()["kind"] == "preview"
    outcome = {
        "feedback_id": "o-1",
        "decision_id": action["decision_id"],
        "action_id": action["action_id"],
        "outcome": "sent",
        "occurred_at": iso(AS_OF),
    }
    results = client.post("/feedback", json=[outcome, outcome]).json()["results"]
    assert [one["status"] for one in results] == ["accepted", "duplicate"]


def test_a_preview_is_known_to_the_other_worker_at_once(home, client, buyer) -> None:
    other = compose(home)
    elsewhere = Client(other.application)
    for asked in ({}, {"as_of": iso(AS_OF - timedelta(days=3))}):
        action = predict(client, customer_id=buyer, **asked)["next_best_action"]
        outcome = {
            "feedback_id": f"fresh-{action['decision_id']}",
            "decision_id": action["decision_id"],
            "action_id": action["action_id"],
            "outcome": "shown",
        }
        assert elsewhere.post("/feedback", json=outcome).status_code == 200
        action = predict(client, customer_id=buyer, **asked)["next_best_action"]
        assert elsewhere.get(f"/decisions/{action['decision_id']}").status_code == 200
    other.close()


def test_feedback_on_a_decision_nobody_made_is_rejected_with_a_reason(client) -> None:
    outcome = {"feedback_id": "o-2", "decision_id": "d", "action_id": "a", "outcome": "sent"}
    response = client.post("/feedback", json=outcome)
    assert response.status_code == 207
    assert "no decision" in response.json()["results"][0]["reason"]


@pytest.mark.parametrize("whom", [{"anonymous_id": "v-1"}, {"customer_id": "never seen"}])
def test_an_unknown_visitor_gets_actions_and_no_404(client, whom) -> None:
    response = client.post("/rank", json={**whom, "receipt": True})
    assert response.status_code == 200
    body = response.json()
    assert body["actions"]
    assert all(one["terms"]["basis"] == "prior" for one in body["actions"])
    assert body["customer_id"] == whom.get("customer_id")
    again = client.get(f"/decisions/{body['decision_id']}").json()
    assert again["customer_id"] == whom.get("customer_id")


def test_the_service_is_ready_and_names_its_models(client) -> None:
    assert client.get("/readyz").json()["status"] == "ready"
    heads = {one["head"] for one in client.get("/models").json()["models"]}
    assert heads == {"churn", "next_purchase", "ltv", "rfm"}


def test_events_accepted_before_a_stop_are_reflected_after_the_next_start(home, buyer) -> None:
    log = EventLog(connect(home.database_url))
    first = compose(home)
    Client(first.application).post("/events", json=viewed(buyer, "r-1"))
    first.close()
    second = compose(home)
    client = Client(second.application)
    response = client.post("/events?wait=true", json=viewed(buyer, "r-1"))
    assert response.json()["results"][0]["status"] == "duplicate"
    assert log.pending_among([buyer]) == set()
    second.close()


def test_what_events_feedback_and_decisions_wait_for_is_in_their_traces(
    home, client, buyer, monkeypatch
) -> None:
    with receiving() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.endpoint)
        service = compose(home, telemetry=Telemetry(traced=True))
        traced = Client(service.application)
        decided = traced.post("/rank", json={"customer_id": buyer}).json()
        outcome = {
            "feedback_id": "traced",
            "decision_id": decided["decision_id"],
            "action_id": decided["actions"][0]["action_id"],
            "outcome": "sent",
        }
        assert traced.post("/feedback", json=outcome).status_code == 200
        assert traced.post("/events", json=viewed(buyer, "traced-1")).status_code == 200
        many = [viewed(buyer, f"traced-{number}") for number in range(2, 40)]
        assert traced.post("/events", json=many).status_code == 200
        service.close()
    names = {span.span_id: span.name for span in received.spans}
    children = [(names[span.parent_span_id], span.name) for span in received.spans
                if span.parent_span_id]  # fmt: skip
    assert children.count(("POST /events", "log append")) == 2
    assert ("POST /rank", "decisions reserve") in children
    assert ("POST /feedback", "feedback record") in children
    for route in ("/rank", "/events", "/feedback"):
        assert {(f"POST {route}", "decode"), (f"POST {route}", "encode")} <= set(children)


def test_a_home_without_models_does_not_start_and_says_what_to_do(tmp_path) -> None:
    with pytest.raises(NoModel) as refused:
        compose(load({}, home=tmp_path))
    assert "churn" in refused.value.message
    assert "retain train" in refused.value.remedy
