"""Requests made up from the published document, to a real service: it keeps its word.

Boundary values, examples and random ones of every operation, right and wrong; with a key, without
and with a made-up one. ``RETAIN_FUZZ_EXAMPLES`` is how many random ones an operation gets.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.checks import CHECKS, CheckFunction

from retain.access import Access
from retain.database import connect
from retain.keys import Keys, Scope
from services.composition import compose
from services.openapi import document
from services.operation import Operation
from services.operations import OPERATIONS
from tests.tiny_home import AS_OF, make_home
from tests.unit.services.fakes import Client

EXAMPLES = int(os.environ.get("RETAIN_FUZZ_EXAMPLES", "25"))
EVENT = {
    "event_id": "known",
    "type": "order_completed",
    "customer_id": "17850",
    "timestamp": "2026-11-01T08:00:00Z",
    "properties": {"order_id": "o-1", "revenue": 12.5},
}
TAKES_LISTS = ("POST /events", "POST /feedback")
MOMENTS = ("as_of", "context.local_time")
CREDENTIALS = {"Authorization", "X-API-Key"}
SOON_MS = 5_000


class Served:
    """Whatever service runs at the moment, and the key to it."""

    def __init__(self) -> None:
        self.application = None
        self.secret = ""

    async def __call__(self, scope, receive, send) -> None:
        while scope["type"] == "lifespan":
            phase = (await receive())["type"]
            await send({"type": f"{phase}.complete"})
            if phase == "lifespan.shutdown":
                return
        await self.application(scope, receive, send)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


served = Served()
schema = schemathesis.openapi.from_dict(document())
schema.app = served
# a machine that is busy with something else is no fault of the service
schema.config.request_timeout = 120


@pytest.fixture(scope="module", autouse=True)
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = make_home(tmp_path_factory.mktemp("home"), 12)
    engine = connect(home.database_url)
    _, served.secret = Keys(engine).add("tests", list(Scope))
    engine.dispose()
    # the examples are of the weeks before
    later = replace(home, as_of=AS_OF + timedelta(days=25), timeout_ms=30_000)
    running = compose(later, Access(keys="required"))
    served.application = running.application
    told = Client(served).post("/events", json=EVENT, headers=served.headers)
    assert told.json()["results"][0]["status"] == "accepted"
    yield
    running.close()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_tells(case: Case) -> None:
    response = case.call(headers=served.headers)
    case.validate_response(
        response, headers=served.headers, excluded_checks=list(excused(case, response))
    )


def excused(case: Case, response: Response) -> Iterator[CheckFunction]:
    """Checks that would find fault with what is meant to be so."""
    late = response.status_code == 503 and response.json()["type"].endswith("not-reflected")
    if (response.status_code == 504 or late) and hurried(case):
        yield from CHECKS.get_by_names(["not_a_server_error"])
    sent = {name.lower() for name in case.headers or ()}
    if response.status_code == 207 and case.operation.label in TAKES_LISTS:
        # each of a list is judged by itself: it is told which ones are wrong
        assert any(one["status"] == "rejected" for one in response.json()["results"])
        yield from CHECKS.get_by_names(["negative_data_rejection"])
    elif "x-schemathesis-unknown-property" in sent or spoilt(case) & CREDENTIALS:
        # headers that nobody knows are no error in HTTP; wrong keys are replaced by the right one
        yield from CHECKS.get_by_names(["negative_data_rejection"])
    if response.status_code == 422 and response.json().get("field") in MOMENTS:
        # it may be well formed, and in the future or nowhere on Earth
        yield from CHECKS.get_by_names(["positive_data_acceptance"])


def spoilt(case: Case) -> set[str | None]:
    """The parameters that were made wrong on purpose."""
    how = case.meta.phase.data
    return {how.parameter, *(one.parameter for one in getattr(how, "mutations", ()))}


def hurried(case: Case) -> bool:
    told = {name.lower(): value for name, value in (case.headers or {}).items()}
    given = str(told.get("x-request-timeout-ms", ""))
    return given.isdigit() and int(given) <= SOON_MS


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_path_that_ends_in_a_line_break_is_another_one(operation: Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    answer = Client(served).request(operation.method, f"{path}%0A", headers=served.headers)
    # what is known by its id may have any
    expected = {200, 207, 404} if operation.path.endswith("_id}") else {404}
    assert answer.status_code in expected
    if expected == {404}:
        assert answer.json()["type"].endswith("no-such-path")
