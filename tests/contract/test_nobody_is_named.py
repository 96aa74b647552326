"""No line of the log and no metric names a customer, whatever is asked and however it fails."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from retain.errors import FingerprintMismatch, StoreUnavailable
from retain.telemetry import Telemetry
from services import journal
from services.access_log import AccessLog
from services.gate.keys import KeyCheck, Keyring
from services.operations import OPERATIONS
from services.pools import Pools
from services.routes import application
from tests.unit.services.fakes import Client, Service

MARKED = "C-marked-4711"
SECRET = "rk_marked_secret"
ALL = Telemetry(level=logging.INFO, format="json", accesses="all")
EVENT = {
    "event_id": f"e-{MARKED}",
    "type": "order_completed",
    "customer_id": MARKED,
    "timestamp": "2026-11-21T19:00:00Z",
    "properties": {"order_id": f"o-{MARKED}", "revenue": 9.5, "note": MARKED},
}
OUTCOME = {
    "feedback_id": f"f-{MARKED}",
    "decision_id": f"d-{MARKED}",
    "action_id": MARKED,
    "outcome": "sent",
}
BODIES = {
    "predict": {"customer_id": MARKED},
    "rank": {"customer_id": MARKED, "receipt": True},
    "events": [EVENT, {**EVENT, "type": MARKED}],
    "feedback": [OUTCOME],
    "acknowledge_many": {"delivery_ids": [MARKED]},
}
FAILURES = {
    "nothing": None,
    "a store that is away": StoreUnavailable("the database did not answer"),
    "features that do not match": FingerprintMismatch("a row is damaged"),
    "an error that quotes": KeyError(MARKED),
    "an error that comes from one that quotes": RuntimeError(f"row of {MARKED}"),
}


@contextmanager
def journal_of(told: Telemetry) -> Iterator[io.StringIO]:
    names = ("", "retain", *journal._FRAMEWORK)
    loggers = [logging.getLogger(name) for name in names]
    kept = [(one, list(one.handlers), one.level, one.propagate) for one in loggers]
    hooks = sys.excepthook, threading.excepthook
    stream = io.StringIO()
    journal.begin(told, "worker", to=stream)
    try:
        yield stream
    finally:
        for one, handlers, level, propagate in kept:
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(capture=False)


def fail(service: Service, error: Exception | None) -> None:
    """Have every stand-in raise ``error``."""
    if error is None:
        return

    def raises(*_: object, **__: object) -> None:
        try:
            raise ValueError(MARKED)  # noqa: TRY301
        except ValueError as cause:
            raise error from cause

    service.reader.read = raises
    service.ranking.rank = service.ranking.replay = raises
    service.log.append_rows = service.log.known = raises
    service.feedback.record = raises
    service.deliveries.take = service.deliveries.acknowledge = raises


@contextmanager
def asked(service: Service, checks=()) -> Iterator[Client]:
    """The application behind a gate that writes a line for every request."""
    pools = Pools()
    gate = service.gate(application(service.use_cases(), pools), checks=checks)
    gate._notes = (AccessLog(ALL),)
    yield Client(gate)
    pools.close()


def ask_everything(client: Client) -> list[int]:
    """Every operation about the marked customer, and some ways to ask wrongly."""
    answered = []
    headers = {"x-api-key": SECRET, "idempotency-key": MARKED, "cookie": SECRET}
    for one in OPERATIONS:
        path = one.path
        for name in ("customer_id", "decision_id", "delivery_id"):
            path = path.replace("{" + name + "}", MARKED)
        body = BODIES.get(one.name)
        parts = {} if body is None else {"json": body}
        answered.append(client.request(one.method, path, headers=headers, **parts).status_code)
    wrong = [
        ("POST", "/predict", {"json": {"customer_id": MARKED, MARKED: 1}}),
        ("POST", "/predict", {"json": {"customer_ids": [MARKED, 7]}}),
        ("POST", "/events", {"content": b'{"customer_id": "' + MARKED.encode()}),
        ("POST", "/events?dry_run=true", {"json": [EVENT]}),
        ("POST", f"/events?wait={MARKED}", {"json": [EVENT]}),
        ("GET", f"/{MARKED}", {}),
        ("DELETE", f"/customers/{MARKED}", {}),
        ("GET", f"/deliveries?limit={MARKED}", {}),
        ("POST", "/predict", {"content": b"x" * 3_000_000, "headers": {"x-marked": MARKED}}),
        ("POST", "/predict", {"json": {}, "headers": {"x-request-timeout-ms": MARKED}}),
        ("GET", "/models", {"headers": {"x-request-id": f"{MARKED} not sane"}}),
    ]
    answered += [client.request(method, path, **parts).status_code for method, path, parts in wrong]
    return answered


@pytest.mark.parametrize("failure", FAILURES)
def test_no_line_and_no_metric_names_who_was_asked_about(failure) -> None:
    service = Service()
    service.reader.known.add(MARKED)
    fail(service, FAILURES[failure])
    with journal_of(ALL) as stream, asked(service) as client:
        statuses = ask_everything(client)
        metrics = client.get("/metrics").text
    said = stream.getvalue()
    assert said.count('"logger": "retain.access"') >= len(statuses)
    assert '"route": "/customers/{customer_id}"' in said
    assert (max(statuses) >= 500) is (FAILURES[failure] is not None)
    for secret in (MARKED, SECRET):
        assert secret not in said
        assert secret not in metrics


def lines_of(*bodies: tuple[str, dict]) -> list[dict]:
    """What is written of each request, made one after the other."""
    with journal_of(ALL) as stream, asked(Service()) as client:
        for path, body in bodies:
            client.post(path, json=body, headers={"x-request-id": "call-7"})
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("path", ["/rank", "/predict"])
def test_the_line_of_a_decision_names_it_and_its_request(path) -> None:
    (line,) = lines_of((path, {"customer_id": "17850"}))
    assert line["decision_id"] == "d-0"
    assert line["request_id"] == "call-7"


def test_the_line_of_a_replay_names_its_decision() -> None:
    with journal_of(ALL) as stream, asked(Service()) as client:
        client.post("/rank", json={"customer_id": "17850"})
        client.get("/decisions/d-0")
        client.get("/decisions/d-nobody-made-it")
    made, replayed, missing = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert made["decision_id"] == replayed["decision_id"] == "d-0"
    assert "decision_id" not in missing


def test_the_line_of_a_list_says_how_many_decisions_it_shows_and_names_none() -> None:
    many, undecided = lines_of(
        ("/predict", {"customer_ids": ["17850", "13047", "x"]}),
        ("/predict", {"customer_id": "17850", "include": ["churn"]}),
    )
    assert many["decisions"] == 2
    assert "decision_id" not in many
    assert not {"decision_id", "decisions"} & undecided.keys()


def test_what_is_refused_for_its_key_names_neither_customer_nor_key() -> None:
    service = Service()
    checks = [KeyCheck(Keyring(list, required=True), OPERATIONS)]
    with journal_of(ALL) as stream, asked(service, checks) as client:
        statuses = ask_everything(client)
    assert 401 in statuses
    said = stream.getvalue()
    assert "a request was refused" in said
    assert MARKED not in said
    assert SECRET not in said


def test_the_test_itself_would_notice() -> None:
    service = Service()
    fail(service, RuntimeError(MARKED))
    loud = Telemetry(level=logging.DEBUG, format="json")
    with journal_of(loud) as stream, asked(service) as client:
        client.post("/predict", json={"customer_id": MARKED})
    assert MARKED in stream.getvalue()
