"""Whatever is sent, the answer is a documented one, and never a 500."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.openapi import document
from tests.unit.services.fakes import Service

DOCUMENT = document()
POSTS = ["/predict", "/rank", "/events", "/feedback"]
FIELDS = [
    "customer_id",
    "customer_ids",
    "as_of",
    "include",
    "explain",
    "anonymous_id",
    "context",
    "limit",
    "receipt",
    "events",
    "batch",
    "feedback_id",
    "decision_id",
    "action_id",
    "outcome",
    "value",
    "currency",
    "occurred_at",
    "type",
    "timestamp",
    "properties",
    "channel",
    "device",
    "page",
    "local_time",
    "event_id",
    "specversion",
    "data",
    "time",
    "subject",
]
WORDS = ["17850", "2026-11-01", "churn", "sent", "GBP", "order_completed", "track", "\ud800", "\0"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(WORDS)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def client():
    with Service().client() as client:
        yield client


@pytest.mark.parametrize("path", POSTS)
@settings(max_examples=60, deadline=None)
@given(body=values)
def test_any_json_is_answered_as_documented(client, path, body) -> None:
    response = client.post(path, content=json.dumps(body))
    assert response.status_code != 500, response.text
    assert str(response.status_code) in DOCUMENT["paths"][path]["post"]["responses"]


@pytest.mark.parametrize("path", POSTS)
@settings(max_examples=20, deadline=None)
@given(body=st.binary(max_size=40))
def test_any_bytes_are_answered_as_documented(client, path, body) -> None:
    response = client.post(path, content=body)
    assert response.status_code != 500, response.text
    assert str(response.status_code) in DOCUMENT["paths"][path]["post"]["responses"]


@settings(max_examples=40, deadline=None)
@given(name=st.text(min_size=1, max_size=8))
def test_any_customer_is_answered_as_documented(client, name) -> None:
    from urllib.parse import quote

    response = client.get(f"/customers/{quote(name, safe='', errors='surrogatepass')}")
    assert response.status_code in (200, 404)
    assert response.headers["content-type"] in ("application/json", "application/problem+json")
