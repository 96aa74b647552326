"""A preview that another worker has not written yet is waited for; what never was is not."""

from datetime import timedelta

import pytest

from retain import clock, ulid
from tests.unit.services.fakes import Service

LOOKS = 3


def preview(service: Service, age: timedelta = timedelta(0)) -> str:
    """The id of a preview that is written after some looks for it."""
    made = ulid.new(clock.now() - age)
    service.ranking.decisions[made] = {"decision_id": made}
    service.ranking.late[made] = service.feedback.late[made] = LOOKS
    return made


def told(decision_id: str, feedback_id: str = "f-1") -> dict:
    return {
        "feedback_id": feedback_id,
        "decision_id": decision_id,
        "action_id": "a",
        "outcome": "sent",
    }


def test_a_preview_of_another_worker_is_found_as_soon_as_it_is_written(client, service) -> None:
    made = preview(service)
    response = client.get(f"/decisions/{made}")
    assert (response.status_code, service.ranking.looked) == (200, LOOKS + 1)


@pytest.mark.parametrize("age", [timedelta(seconds=3), timedelta(days=30), -timedelta(days=1)])
def test_an_id_of_another_time_is_looked_for_once(client, service, age) -> None:
    made = preview(service, age)
    assert client.get(f"/decisions/{made}").status_code == 404
    assert client.post("/feedback", json=told(made)).status_code == 207
    assert service.ranking.looked == len(service.feedback.recorded) == 1


@pytest.mark.parametrize("name", ["d-1", "é" * 26, "Z" * 26, "0" * 26])
def test_what_is_no_id_of_ours_is_looked_for_once(client, service, name) -> None:
    assert client.get(f"/decisions/{name}").status_code == 404
    assert service.ranking.looked == 1


def test_an_id_that_looks_fresh_and_never_was_is_a_404_in_the_end(client, service) -> None:
    assert client.get(f"/decisions/{ulid.new(clock.now())}").status_code == 404
    assert service.ranking.looked > 1


def test_feedback_on_a_preview_of_another_worker_is_accepted(client, service) -> None:
    response = client.post("/feedback", json=told(preview(service)))
    assert response.status_code == 200
    assert response.json()["results"][0]["status"] == "accepted"


def test_only_feedback_on_what_may_be_written_soon_is_tried_again(client, service) -> None:
    given = [
        told("d-0", "f-known"),
        told(preview(service), "f-late"),
        told("unknown", "f-unknown"),
    ]
    results = client.post("/feedback", json=given).json()["results"]
    assert [one["status"] for one in results] == ["accepted", "accepted", "rejected"]
    assert [one["feedback_id"] for one in results] == ["f-known", "f-late", "f-unknown"]
    recorded = service.feedback.recorded
    assert [recorded.count(one["feedback_id"]) for one in given] == [1, LOOKS + 1, 1]


def test_an_outcome_is_counted_once_however_often_it_is_tried(client, service) -> None:
    client.post("/feedback", json=told(preview(service)))
    text = service.metrics.render().decode()
    assert 'retain_feedback_total{outcome="sent",status="accepted"} 1.0' in text
    assert 'status="rejected"' not in text
