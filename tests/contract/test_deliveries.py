"""Pulling decisions over HTTP: taken, acknowledged, refused, as documented."""

import pytest

from services.schemas.deliveries import EXAMPLE
from tests.contract.test_http_answers import assert_documented

ONE = EXAMPLE["deliveries"][0]["delivery_id"]


def test_what_is_held_is_given_out_with_its_decision(client, service) -> None:
    response = client.get("/deliveries?limit=5&lease_seconds=30")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert_documented(response, "/deliveries", "get")
    assert service.deliveries.asked == [(5, 30)]


def test_limit_and_lease_may_be_left_to_the_service(client, service) -> None:
    assert client.get("/deliveries").status_code == 200
    assert service.deliveries.asked == [(10, None)]


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=101", "limit=x", "limit=²", "lease_seconds=0", "lease_seconds=1e9"]
)
def test_a_limit_or_lease_that_is_none_is_a_422_that_names_it(client, asked) -> None:
    response = client.get(f"/deliveries?{asked}")
    assert response.status_code == 422
    assert response.json()["field"] == asked.split("=")[0]
    assert_documented(response, "/deliveries", "get")


def test_one_delivery_is_acknowledged_by_its_path(client) -> None:
    path = "/deliveries/{delivery_id}/ack"
    response = client.post(f"/deliveries/{ONE}/ack")
    assert response.status_code == 200
    assert_documented(response, path, "post")
    assert client.get("/deliveries").json() == {"deliveries": []}
    unknown = client.post("/deliveries/unknown/ack")
    assert unknown.status_code == 207
    assert unknown.json() == {"results": [{"delivery_id": "unknown", "status": "unknown"}]}
    assert_documented(unknown, path, "post")


def test_many_are_acknowledged_at_once(client) -> None:
    response = client.post("/deliveries/ack", json={"delivery_ids": [ONE]})
    assert response.status_code == 200
    assert_documented(response, "/deliveries/ack", "post")
    again = client.post("/deliveries/ack", json={"delivery_ids": [ONE, "other"]})
    assert again.status_code == 207
    assert [one["status"] for one in again.json()["results"]] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"delivery_ids": []}, 422), ({"delivery_ids": [1]}, 422), ({}, 422), ([], 422)],
)
def test_an_acknowledgement_of_nothing_is_refused(client, body, status) -> None:
    response = client.post("/deliveries/ack", json=body)
    assert response.status_code == status
    assert_documented(response, "/deliveries/ack", "post")
