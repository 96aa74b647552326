"""Errors over HTTP: problem documents that name the field and keep internals inside."""

from typing import get_args

import pytest

from retain.decisions.constraints import Channel
from retain.decisions.context import ContextChannel, Page
from services.bodies import MAX_BODY_BYTES
from services.schemas.base import MAX_ID_LENGTH
from services.schemas.ranking import RankRequest


def problem(response, status: int) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:retain:problem:")
    return body


def test_one_unknown_customer_is_a_404_that_says_so(client) -> None:
    body = problem(client.post("/predict", json={"customer_id": "x"}), 404)
    assert body["type"] == "urn:retain:problem:unknown-customer"
    assert "'x'" in body["detail"]
    assert body["field"] == "customer_id"
    assert body["instance"] == "/predict"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/predict", {"customer": "17850"}, "customer"),
        ("/predict", {"customer_id": 17850}, "customer_id"),
        ("/predict", {"customer_id": ""}, "customer_id"),
        ("/predict", {"customer_ids": ["a", 7]}, "customer_ids.1"),
        ("/predict", {"customer_ids": []}, "customer_ids"),
        ("/predict", {"customer_id": "a", "customer_ids": ["b"]}, "customer_ids"),
        ("/predict", {"customer_id": "a", "as_of": "yesterday"}, "as_of"),
        ("/predict", {"customer_id": "a", "as_of": 5}, "as_of"),
        ("/predict", {"customer_id": "a", "as_of": "2030-01-01"}, "as_of"),
        ("/predict", {"customer_id": "a", "include": ["weather"]}, "include.0"),
        ("/predict", {"customer_ids": ["a"] * 51, "explain": True}, "explain"),
        ("/predict", {"customer_id": "a\x00b"}, "customer_id"),
        ("/predict", {"customer_ids": ["a", "b\x00"]}, "customer_ids.1"),
        ("/rank", {}, "customer_id"),
        ("/rank", {"anonymous_id": "a\x00b"}, "anonymous_id"),
        ("/rank", {"customer_id": "a", "limit": 0}, "limit"),
        ("/rank", {"customer_id": "a", "context": {"mood": "good"}}, "context.mood"),
        ("/rank", {"customer_id": "a", "context": {"channel": "pigeon"}}, "context.channel"),
        ("/events", {"events": "none"}, "events"),
        ("/events", {"batch": []}, "batch"),
        ("/feedback", {"feedback_id": "f"}, "decision_id"),
        ("/feedback", [], None),
    ],
)
def test_a_wrong_field_is_a_422_that_names_it(client, path, body, field) -> None:
    assert problem(client.post(path, json=body), 422).get("field") == field


def test_a_thousand_customers_are_answered_and_one_more_is_refused(client) -> None:
    ids = [str(number) for number in range(1_001)]
    assert client.post("/predict", json={"customer_ids": ids[:1_000]}).status_code == 200
    assert problem(client.post("/predict", json={"customer_ids": ids}), 422)["field"] == (
        "customer_ids"
    )


def test_a_thousand_events_are_taken_and_one_more_is_refused(client) -> None:
    problem(client.post("/events", json=[{"type": "page_viewed"}] * 1_001), 422)


def test_a_body_that_is_too_long_is_a_413(client) -> None:
    problem(client.post("/events", content=b" " * (MAX_BODY_BYTES + 1)), 413)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/customers/{}", "customer_id"),
        ("GET", "/decisions/{}", "decision_id"),
        ("POST", "/deliveries/{}/ack", "delivery_id"),
    ],
)
def test_an_id_in_a_path_is_as_long_as_any_and_no_longer(client, method, path, field) -> None:
    refused = problem(client.request(method, path.format("x" * (MAX_ID_LENGTH + 1))), 422)
    assert refused["field"] == field
    assert client.request(method, path.format("x" * MAX_ID_LENGTH)).status_code in (200, 207, 404)


def test_a_body_that_hides_its_length_is_a_413_too(client) -> None:
    async def chunks():
        for _ in range(6):
            yield b" " * 1_000_000

    problem(client.post("/events", content=chunks()), 413)


def test_a_store_that_is_down_is_a_503_with_retry_after_and_no_internals(client, service) -> None:
    service.reader.down = True
    response = client.post("/predict", json={"customer_id": "17850"})
    body = problem(response, 503)
    assert int(response.headers["retry-after"]) > 0
    assert "secret" not in response.text
    assert body["remedy"]


def test_what_nobody_expected_is_a_500_without_internals(client, service) -> None:
    service.reader.read = None
    response = client.post("/predict", json={"customer_id": "17850"})
    assert problem(response, 500)["type"] == "urn:retain:problem:internal"
    assert "NoneType" not in response.text


def test_an_id_that_no_store_takes_is_that_of_no_customer(client) -> None:
    problem(client.get("/customers/a%00b"), 404)


@pytest.mark.parametrize("path", ["/nope", "/predict/", "/customer/a", "/schema.json"])
def test_a_path_that_does_not_exist_is_a_404_problem(client, path) -> None:
    assert problem(client.get(path), 404)["type"] == "urn:retain:problem:no-such-path"


def test_a_wrong_method_is_a_405_that_lists_the_right_ones(client) -> None:
    response = client.get("/predict")
    problem(response, 405)
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("flag", ["wait", "dry_run"])
def test_a_flag_is_true_or_false(client, flag) -> None:
    event = {"type": "page_viewed", "customer_id": "a", "timestamp": "2026-11-21T19:00:00Z"}
    assert problem(client.post(f"/events?{flag}=maybe", json=event), 422)["field"] == flag


def test_an_idempotency_key_that_is_too_long_is_refused(client) -> None:
    response = client.post(
        "/rank", json={"customer_id": "a"}, headers={"Idempotency-Key": "k" * 201}
    )
    assert problem(response, 422)["field"] == "Idempotency-Key"


def test_an_unknown_channel_is_told_the_known_ones(client) -> None:
    asked = {"customer_id": "17850", "context": {"channel": "pigeon"}}
    detail = problem(client.post("/rank", json=asked), 422)["detail"]
    assert all(f"'{known}'" in detail for known in get_args(ContextChannel))


@pytest.mark.parametrize("page", ["basket", 7])
def test_a_word_nobody_knows_is_told_the_known_ones_and_what_to_do(client, page) -> None:
    asked = {"customer_id": "a", "context": {"page": page}}
    body = problem(client.post("/rank", json=asked), 422)
    assert body["field"] == "context.page"
    assert all(f"'{known}'" in body["detail"] for known in get_args(Page))
    assert "leave the field out" in body["remedy"]


@pytest.mark.parametrize(
    ("body", "field", "known"),
    [
        ({"customer_id": "a", "context": {"mood": 1}}, "context.mood", "channel, device, page"),
        (
            {"customer_id": "a", "context": {"session": {"cart": 1}}},
            "context.session.cart",
            "views",
        ),
        ({"customer": "a"}, "customer", "customer_id, anonymous_id"),
    ],
)
def test_a_field_nobody_knows_is_told_the_known_ones_and_what_to_do(
    client, body, field, known
) -> None:
    answer = problem(client.post("/rank", json=body), 422)
    assert answer["field"] == field
    assert known in answer["detail"]
    assert "leave the field out" in answer["remedy"]


@pytest.mark.parametrize("context", [None, {}, {"place": None, "session": None, "page": None}])
def test_a_context_of_null_says_nothing(client, context) -> None:
    asked = {"customer_id": "17850", "context": context}
    assert client.post("/rank", json=asked).status_code == 200
    assert RankRequest.model_validate(asked) == RankRequest(customer_id="17850")


@pytest.mark.parametrize("known", sorted({*get_args(Channel), "app", "store"}))
def test_every_channel_of_the_catalogue_is_a_known_context(client, known) -> None:
    asked = {"customer_id": "17850", "context": {"channel": known}}
    assert client.post("/rank", json=asked).status_code == 200


def test_a_malformed_outcome_in_a_list_leaves_the_others_alone(client, service) -> None:
    good = {"feedback_id": "f-1", "decision_id": "d", "action_id": "a", "outcome": "unsubscribed"}
    given = [
        {**good, "feedback_id": "f-2", "outcome": "shrugged"},
        good,
        {"feedback_id": "f-3", "outcome": "sent", "action_id": "a"},
        {**good, "feedback_id": 4},
        {**good, "feedback_id": "f-5", "mood": "good"},
        "sent",
    ]
    response = client.post("/feedback", json=given)
    assert response.status_code == 207
    results = response.json()["results"]
    assert [(one["feedback_id"], one["status"], one.get("field")) for one in results] == [
        ("f-2", "rejected", "outcome"),
        ("f-1", "accepted", None),
        ("f-3", "rejected", "decision_id"),
        (None, "rejected", "feedback_id"),
        ("f-5", "rejected", "mood"),
        (None, "rejected", None),
    ]
    assert all(one["reason"] for one in results if one["status"] == "rejected")
    assert service.feedback.recorded == ["f-1"]
    text = service.metrics.render().decode()
    assert 'retain_feedback_total{outcome="malformed",status="rejected"} 5.0' in text


def test_a_list_of_nothing_but_malformed_outcomes_asks_no_store(client, service) -> None:
    assert client.post("/feedback", json=[{}, {}]).status_code == 207
    assert service.feedback.recorded == []
    problem(client.post("/feedback", json=[{}] * 1_001), 422)
