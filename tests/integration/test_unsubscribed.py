"""An unsubscribe acts on the next request, whichever door it comes in by."""

from datetime import timedelta

import pytest

from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from services.composition import compose
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(home):
    service = compose(home)
    yield Client(service.application)
    service.close()


def removed(client, customer_id: str) -> dict[str, str | None]:
    """By action, the rule that removed it from the next decision."""
    answer = client.post("/rank", json={"customer_id": customer_id, "receipt": True}).json()
    return {one["action_id"]: one["removed_by"] for one in answer["candidates"]}


@pytest.fixture
def written_to(home, client):
    """A customer who may be written to."""
    everybody = sorted(customers_of(EventLog(connect(home.database_url))))
    closed = {"unsubscribed", "suppressed", "consent_channel", "not_reachable"}
    return next(
        one
        for one in everybody
        if closed.isdisjoint({removed(client, one)["review_request_email"]})
    )


def test_an_unsubscribe_told_as_an_event_of_a_decision_acts_on_the_next_request(client, written_to):
    decided = client.post("/rank", json={"customer_id": written_to}).json()
    told = {
        "event_id": "left-1",
        "type": "email_unsubscribed",
        "customer_id": written_to,
        "timestamp": iso(AS_OF - timedelta(seconds=1)),
        "channel": "email",
        "properties": {"decision_id": decided["decision_id"]},
    }
    while client.post("/events?wait=true", json=told).status_code != 200:
        pass  # stored, and not yet reflected on a busy machine
    assert removed(client, written_to)["review_request_email"] == "unsubscribed"


@pytest.mark.parametrize("kind", ["message_unsubscribed", "message_complained"])
def test_it_acts_on_the_next_request_before_any_feature_reflects_it(client, written_to, kind):
    told = {
        "event_id": f"said-{kind}",
        "type": kind,
        "customer_id": written_to,
        "timestamp": iso(AS_OF - timedelta(seconds=1)),
        "channel": "email",
        "properties": {},
    }
    assert client.post("/events", json=told).status_code == 200
    assert removed(client, written_to)["review_request_email"] == "unsubscribed"
