"""What ``/metrics`` tells of the stages of a request, by route."""

import re

import pytest

EVENT = {"type": "page_viewed", "customer_id": "17850", "timestamp": "2026-11-21T19:00:00Z"}
OUTCOME = {"feedback_id": "f", "decision_id": "d", "action_id": "a", "outcome": "sent"}
DECIDED = {"decode", "features", "predict", "decide", "encode"}
READ_AND_TOLD = {"decode", "encode"}


def stages(client) -> dict[tuple[str, str], float]:
    """How often each stage of each route was counted."""
    found = re.findall(
        r'^retain_stage_seconds_count\{route="(.+?)",stage="(.+?)"\} (\S+)$',
        client.get("/metrics").text,
        flags=re.MULTILINE,
    )
    return {(route, stage): float(times) for route, stage, times in found}


@pytest.mark.parametrize(
    ("route", "body", "expected"),
    [
        ("/predict", {"customer_id": "17850"}, DECIDED),
        ("/predict (list)", {"customer_ids": ["17850", "x"]}, DECIDED),
        ("/rank", {"customer_id": "17850"}, READ_AND_TOLD),
        ("/events", EVENT, READ_AND_TOLD),
        ("/events", [EVENT] * 100, READ_AND_TOLD),
        ("/events?wait=true", EVENT, READ_AND_TOLD),
        ("/feedback", OUTCOME, READ_AND_TOLD),
        ("/feedback", [OUTCOME, {}], READ_AND_TOLD),
    ],
)
def test_one_request_counts_once_in_each_of_its_routes_stages(
    client, route, body, expected
) -> None:
    # a list is told apart by what it says
    assert client.post(route.removesuffix(" (list)"), json=body).status_code in (200, 207)
    assert stages(client) == {(route.partition("?")[0], stage): 1.0 for stage in expected}


def test_a_dry_run_is_told_apart_from_what_is_stored_by_not_being_counted(client) -> None:
    client.post("/events?dry_run=true", json=EVENT)
    assert stages(client) == {}
