"""The gate over HTTP: ids, deadlines, limits, headers and refusals of every operation."""

import asyncio
import gzip
import json
import threading

import httpx
import pytest

from retain.errors import UnknownCustomer
from services import routes
from services.gate.layout import MOST_BYTES_OF_IDS, MOST_BYTES_OF_ONE
from services.operations import OPERATIONS
from services.pools import MOST_LISTS, Pools
from services.refusals import Forbidden, RateLimited, Unauthorized
from services.routes import application
from tests.contract.test_http_problems import problem
from tests.unit.services.fakes import Client

ONE = {"customer_id": "17850"}
EVENT = {"type": "page_viewed", "customer_id": "a", "timestamp": "2026-11-21T19:00:00Z"}


def metric(service, line: str) -> bool:
    return line in service.metrics.render().decode()


def test_the_callers_request_id_is_answered(client) -> None:
    answer = client.post("/predict", json=ONE, headers={"X-Request-ID": "crm-77:a"})
    assert answer.headers["x-request-id"] == "crm-77:a"


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", "a\tb", "<script>"])
def test_a_request_id_that_is_missing_too_long_or_strange_is_replaced(client, given) -> None:
    ids = [
        client.post("/predict", json=ONE, headers={"X-Request-ID": given}).headers["x-request-id"]
        for _ in range(2)
    ]
    assert given not in ids
    assert ids[0] != ids[1]
    assert all(1 <= len(one) <= 128 for one in ids)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_answer_says_what_browsers_must_not_guess(client, operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    answer = client.request(operation.method, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-request-id"]
    if not path.startswith("/docs"):
        assert answer.headers["cache-control"] == "no-store"


def test_the_documentation_runs_only_scripts_of_its_own(client) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("given", ["0", "-5", "1.5", "soon", "", "9" * 10])
def test_a_timeout_that_is_no_number_of_milliseconds_is_refused(client, given) -> None:
    answer = client.post("/predict", json=ONE, headers={"X-Request-Timeout-Ms": given})
    assert problem(answer, 422)["field"] == "X-Request-Timeout-Ms"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/predict", {"customer_ids": ["17850"]}, "X-Request-Timeout-Ms"),
        ("/rank", ONE, "Idempotency-Key"),
        ("/feedback", [{"feedback_id": "f"}], "same ids"),
    ],
)
def test_a_deadline_that_passes_while_a_thread_works_is_a_504_that_says_what_to_do(
    service, path, body, said
) -> None:
    go, pools = threading.Event(), Pools()

    def stuck(*_: object) -> None:
        go.wait(10)

    service.reader.read = service.ranking.rank = service.feedback.record = stuck
    use_cases = service.use_cases()
    use_cases.feedback.record = stuck
    client = Client(service.gate(application(use_cases, pools)))
    answer = client.post(path, json=body, headers={"X-Request-Timeout-Ms": "20"})
    assert problem(answer, 504)["type"] == "urn:retain:problem:deadline-exceeded"
    assert said in answer.json()["remedy"]
    counted_as = "/predict (list)" if "customer_ids" in body else path
    assert metric(service, f'retain_requests_total{{route="{counted_as}",status="504"}} 1.0')
    # nobody waits for the thread, but its room is not free until it is done
    assert sum(pools.waiting().values()) == 1
    go.set()
    pools.close()
    assert sum(pools.waiting().values()) == 0


def test_waiting_for_features_ends_before_the_deadline_and_says_the_events_are_stored(
    client, service, monkeypatch
) -> None:
    service.log.lag = 10**9
    # so that a slow machine has half a minute for what is over in a tenth of a second
    monkeypatch.setattr(routes, "_ON_ITS_WAY_SECONDS", 29.9)
    headers = {"X-Request-Timeout-Ms": "30000"}
    answer = client.post("/events?wait=true", json=EVENT, headers=headers)
    assert problem(answer, 503)["type"] == "urn:retain:problem:not-reflected"
    assert service.log.stored


@pytest.mark.parametrize(
    ("path", "most"), [("/predict", MOST_BYTES_OF_IDS), ("/rank", MOST_BYTES_OF_ONE)]
)
def test_a_body_longer_than_its_operation_needs_is_refused(client, path, most) -> None:
    problem(client.post(path, content=b" " * (most + 1)), 413)
    problem(client.post(path, content=b" " * most), 400)


@pytest.mark.parametrize("path", ["/predict", "/rank", "/events", "/feedback"])
def test_a_compressed_body_is_a_415_that_says_what_is_taken(client, path) -> None:
    packed = gzip.compress(b'{"customer_id": "17850"}')
    answer = client.post(path, content=packed, headers={"Content-Encoding": "GZIP"})
    assert problem(answer, 415)["type"] == "urn:retain:problem:encoded-body"
    assert answer.headers["accept-encoding"] == "identity"
    plain = client.post("/predict", json=ONE, headers={"Content-Encoding": "Identity"})
    assert plain.status_code == 200


def test_headers_and_paths_that_are_too_long_are_refused(client) -> None:
    problem(client.get("/models", headers={"X-Padding": "a" * 40_000}), 431)
    problem(client.get("/customers/" + "a" * 40_000), 431)
    problem(client.get("/deliveries", params={"limit": "1" * 40_000}), 431)


def test_more_of_a_kind_than_there_is_room_for_is_a_503_with_a_time_to_come_back(service) -> None:
    go, pools = threading.Event(), Pools()
    service.ranking.rank = lambda *_: go.wait(10) and {"decision_id": "d"}
    gate = service.gate(application(service.use_cases(), pools), in_flight=2)

    async def scenario() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://retain") as client:
            waiting = [asyncio.ensure_future(client.post("/rank", json=ONE)) for _ in range(2)]
            await asyncio.sleep(0.01)
            refused = await client.post("/rank", json=ONE)
            predicted = await client.post("/predict", json={"customer_ids": ["17850"]})
            alive = await client.get("/livez")
            go.set()
            assert [one.status_code for one in await asyncio.gather(*waiting)] == [200, 200]
            return refused, predicted, alive

    refused, predicted, alive = asyncio.run(scenario())
    body = problem(refused, 503)
    assert body["type"] == "urn:retain:problem:overloaded"
    assert body["retry_after_ms"] > 0
    assert int(refused.headers["retry-after"]) >= 1
    assert (predicted.status_code, alive.status_code) == (200, 200)
    pools.close()


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (Unauthorized("no key"), 401, "www-authenticate"),
        (Forbidden("not for this"), 403, None),
        (RateLimited("too often", retry_after_ms=1_500), 429, "retry-after"),
    ],
)
def test_a_check_refuses_before_anything_is_done(service, error, status, header) -> None:
    def check(_scope, _visit) -> None:
        raise error

    pools = Pools()
    client = Client(service.gate(application(service.use_cases(), pools), checks=[check]))
    answer = client.post("/predict", json=ONE)
    problem(answer, status)
    assert header is None or answer.headers[header]
    assert service.reader.asked == []
    pools.close()


async def half(_scope, _receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise UnknownCustomer("too late")


async def silent(_scope, _receive, _send) -> None:
    return


async def broken(_scope, _receive, _send) -> None:
    raise ZeroDivisionError("secret")


@pytest.mark.parametrize("app", [silent, broken])
def test_whatever_happens_behind_the_gate_is_a_problem(service, app) -> None:
    answer = Client(service.gate(app)).post("/predict", json=ONE)
    assert problem(answer, 500)["type"] == "urn:retain:problem:internal"
    assert "secret" not in answer.text


def test_half_an_answer_is_not_followed_by_another(service) -> None:
    sent = []

    async def scenario() -> None:
        async def send(message) -> None:
            sent.append(message["type"])

        scope = {"type": "http", "method": "GET", "path": "/models", "query_string": b""}

        async def receive() -> dict:
            return {"type": "http.request", "body": b"", "more_body": False}

        await service.gate(half)({**scope, "headers": []}, receive, send)

    asyncio.run(scenario())
    assert sent == ["http.response.start"]


def test_while_draining_everything_is_answered_and_every_connection_closed(service) -> None:
    pools = Pools()
    gate = service.gate(application(service.use_cases(), pools))
    client = Client(gate)
    assert "connection" not in client.post("/predict", json=ONE).headers
    gate.drain()
    answer = client.post("/predict", json=ONE)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    pools.close()


def test_every_request_is_counted_once_by_its_route(client, service) -> None:
    client.get("/customers/17850")
    client.get("/customers/nobody")
    client.get("/nope/17850")
    assert metric(service, 'retain_requests_total{route="/customers/{customer_id}",status="200"} 1')
    assert metric(service, 'retain_requests_total{route="/customers/{customer_id}",status="404"} 1')
    assert metric(service, 'retain_requests_total{route="unknown",status="404"} 1')
    assert not metric(service, "17850")


def test_lists_without_end_take_no_place_from_single_customers_and_events(service) -> None:
    go, pools = threading.Event(), Pools()
    read = service.reader.read

    def slow_for_many(customer_ids, as_of):
        assert len(customer_ids) == 1 or go.wait(10)
        return read(customer_ids, as_of)

    service.reader.read = slow_for_many
    gate = service.gate(application(service.use_cases(), pools))
    many = {"customer_ids": [str(number) for number in range(1_000)]}

    async def scenario() -> tuple[list[int], list[int]]:
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://retain") as client:
            lists = [
                asyncio.ensure_future(client.post("/predict", json=many))
                for _ in range(MOST_LISTS + 4)
            ]
            await asyncio.wait(lists, return_when=asyncio.FIRST_COMPLETED)
            others = [
                await client.post("/predict", json=ONE),
                await client.post("/events", json=EVENT),
                await client.post("/rank", json=ONE),
                await client.get("/readyz"),
            ]
            go.set()
            done = await asyncio.gather(*lists)
            return [one.status_code for one in done], [one.status_code for one in others]

    statuses, others = asyncio.run(scenario())
    assert others == [200] * 4
    assert (statuses.count(200), statuses.count(503)) == (MOST_LISTS, 4)
    pools.close()


@pytest.mark.parametrize("path", ["/events", "/events?dry_run=true"])
@pytest.mark.parametrize(
    "record",
    [
        {"event_id": "\ud83d"},
        {"customer_id": "a\ud83d"},
        {"properties": {"product_id": "cut \ud83d"}},
        {"properties": {"\ud83d": 1}},
        {"\ud83d": "\ud83d"},
    ],
)
def test_half_a_surrogate_pair_costs_its_own_event_and_no_other(client, path, record) -> None:
    one = {
        "event_id": "cut",
        "type": "product_viewed",
        "customer_id": "17850",
        "timestamp": "2026-11-21T19:58:11Z",
    }
    body = {"events": [{**one, **record}, {**one, "event_id": "whole"}]}
    answer = client.post(path, content=json.dumps(body).encode())
    assert answer.status_code in (200, 207)
    assert answer.json()["results"][1]["status"] == "accepted"


@pytest.mark.parametrize("path", ["/predict", "/rank", "/feedback", "/deliveries/ack"])
def test_what_is_no_object_is_told_so_without_a_name_of_ours(client, path) -> None:
    for body in ('"text"', "3", "[[]]"):
        answer = client.post(path, content=body)
        assert answer.status_code in (207, 422), answer.text
        assert "Request" not in answer.text
        assert "Outcome" not in answer.text
