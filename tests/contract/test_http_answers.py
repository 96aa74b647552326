"""Real answers of the application, held to the published document."""

import copy

import pytest
from jsonschema import Draft202012Validator

from services.openapi import document
from tests.contract.formats import FORMATS
from tests.unit.services.fakes import OVERDUE, Service

DOCUMENT = document()
EVENT = {
    "event_id": "e-1",
    "type": "product_viewed",
    "customer_id": "17850",
    "timestamp": "2026-11-21T19:00:00Z",
    "properties": {"product_id": "sku-1"},
}
OUTCOME = {"feedback_id": "f-1", "decision_id": "d-0", "action_id": "a", "outcome": "sent"}


def closed(schemas: dict) -> dict:
    """The schemas without the freedom to add fields: an undocumented field is a mistake here."""
    ours = copy.deepcopy(schemas)
    for schema in ours.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return ours


COMPONENTS = {"schemas": closed(DOCUMENT["components"]["schemas"])}


def assert_documented(response, path: str, method: str) -> None:
    described = DOCUMENT["paths"][path][method]["responses"]
    assert str(response.status_code) in described, f"{response.status_code} is not documented"
    media_type = response.headers["content-type"].split(";")[0]
    schema = described[str(response.status_code)]["content"][media_type]["schema"]
    if media_type.endswith("json"):
        Draft202012Validator({**schema, "components": COMPONENTS}, format_checker=FORMATS).validate(
            response.json()
        )


@pytest.fixture
def service() -> Service:
    made = Service(statuses={"13047": "already_churned"})
    made.scorer.told = OVERDUE
    return made


BODIES = [
    ("/predict", {"customer_id": "17850"}, 200),
    ("/predict", {"customer_id": "13047"}, 200),
    ("/predict", {"customer_id": "17850", "explain": True, "language": "ko"}, 200),
    ("/predict", {"customer_id": "17850", "language": "xx"}, 422),
    ("/predict", {"customer_ids": ["a"] * 51, "explain": True}, 422),
    ("/predict", {"customer_id": "17850", "include": []}, 200),
    ("/predict", {"customer_id": "17850", "as_of": "2026-10-01"}, 200),
    ("/predict", {"customer_ids": ["17850", "x", "13047", "17850"]}, 200),
    ("/predict", {"customer_ids": ["x"]}, 200),
    ("/predict", {"customer_id": "x"}, 404),
    ("/predict", {"customer_id": "17850", "as_of": "2026-11-21T20:00:01Z"}, 422),
    ("/predict", {}, 422),
    ("/predict", [], 422),
    ("/rank", {"customer_id": "17850"}, 200),
    ("/rank", {"anonymous_id": "v", "receipt": True, "context": {"page": "cart"}}, 200),
    ("/rank", {"customer_id": "17850", "anonymous_id": "v"}, 422),
    ("/events", {"events": [EVENT]}, 200),
    ("/events", [EVENT, {"type": "teleported"}], 207),
    ("/events", EVENT, 200),
    ("/events", {"events": []}, 422),
    ("/feedback", OUTCOME, 200),
    ("/feedback", [OUTCOME, {**OUTCOME, "decision_id": "unknown"}], 207),
    ("/feedback", {**OUTCOME, "outcome": "shrugged"}, 422),
    ("/feedback", [{**OUTCOME, "outcome": "shrugged"}, OUTCOME, 7, None, {}], 207),
]


@pytest.mark.parametrize(("path", "body", "status"), BODIES)
def test_an_answer_to_a_body_is_as_documented(client, path, body, status) -> None:
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    assert_documented(response, path, "post")


@pytest.mark.parametrize("path", ["/predict", "/rank", "/events", "/feedback"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_documented_400(client, path, body) -> None:
    response = client.post(path, content=body)
    assert response.status_code == 400
    assert_documented(response, path, "post")


@pytest.mark.parametrize("path", ["/predict", "/rank", "/feedback"])
def test_half_a_surrogate_pair_is_a_documented_400(client, path) -> None:
    response = client.post(path, content=b'{"customer_id": "\\ud800"}')
    assert response.status_code == 400
    assert_documented(response, path, "post")


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/customers/{customer_id}", "/customers/17850", 200),
        ("/customers/{customer_id}", "/customers/x", 404),
        ("/decisions/{decision_id}", "/decisions/x", 404),
        ("/models", "/models", 200),
        ("/metrics", "/metrics", 200),
        ("/livez", "/livez", 200),
        ("/readyz", "/readyz", 200),
        ("/docs", "/docs", 200),
        ("/docs.json", "/docs.json", 200),
    ],
)
def test_a_page_is_as_documented(client, path, asked, status) -> None:
    response = client.get(asked)
    assert response.status_code == status
    assert_documented(response, path, "get")


@pytest.mark.parametrize(
    "record", [EVENT, {**EVENT, "properties": {"price": "3.5", "hat": 1}}, {"properties": "{"}, 7]
)
def test_what_a_dry_run_explains_is_documented_to_the_last_field(client, record) -> None:
    response = client.post("/events?dry_run=true", json=[record])
    assert "explanation" in response.json()["results"][0]
    assert_documented(response, "/events", "post")


def test_a_decision_can_be_replayed(client) -> None:
    decided = client.post("/rank", json={"customer_id": "17850", "receipt": True}).json()
    response = client.get(f"/decisions/{decided['decision_id']}")
    assert decided.items() <= response.json().items()
    assert_documented(response, "/decisions/{decision_id}", "get")


def test_a_service_that_is_not_ready_says_what_is_missing(client, service) -> None:
    service.ready = False
    response = client.get("/readyz")
    assert response.status_code == 503
    assert_documented(response, "/readyz", "get")
    assert client.get("/livez").status_code == 200


def test_the_served_document_is_the_published_one(client) -> None:
    assert client.get("/docs.json").json() == DOCUMENT
