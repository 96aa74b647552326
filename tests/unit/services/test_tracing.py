"""Traces: spans of requests and their stages, at a receiver that speaks the real protocol."""

import asyncio
import logging
import subprocess
import sys
from contextlib import suppress

import pytest

from retain.errors import InvalidInput, StoreUnavailable
from retain.eventlog import Appended
from retain.telemetry import Telemetry
from services import journal, traced
from services.gate.visit import Visit
from tests.otlp_receiver import attributes, receiving
from tests.unit.services.fakes import Client

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OK, FAILED = 0, 2


@pytest.fixture
def received(monkeypatch):
    with receiving() as one:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", one.endpoint)
        yield one


@pytest.fixture
def tracing(received):
    made = traced.tracing(Telemetry(traced=True))
    assert made is not None
    yield made
    made.close()
    for handler in logging.getLogger().handlers:
        handler.filters = [
            f for f in handler.filters if f is not sys.modules["services.tracing"]._told
        ]


def answering(status: int, work=lambda visit: None):
    """An application that visits like the gate, works, and answers."""

    async def app(scope, receive, send):
        visit = scope["retain"] = Visit("/customers/{customer_id}", "r-1", 0.0, 0.0)
        visit.key = "abcd"
        await asyncio.sleep(0)
        done = work(visit)
        if done is not None:
            await done
        visit.status = status
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def ask(tracing, app, path="/customers/C-marked", **headers: str) -> None:
    Client(tracing.layer(app)).get(path, headers=headers)


def test_a_request_is_a_span_named_by_its_route_and_never_by_a_customer(tracing, received) -> None:
    ask(tracing, answering(200))
    tracing.close()
    span = received.named("GET /customers/{customer_id}")
    assert attributes(span) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/customers/{customer_id}",
        "http.response.status_code": 200,
        "retain.request_id": "r-1",
        "retain.key": "abcd",
    }
    assert span.status.code == OK
    assert received.services == {"retain"}
    assert b"C-marked" not in received.raw


def test_the_trace_of_the_caller_goes_on(tracing, received) -> None:
    ask(tracing, answering(200), traceparent=CALLER)
    ask(tracing, answering(200), traceparent="nonsense")
    tracing.close()
    first, second = received.spans
    assert first.trace_id.hex() == CALLER.split("-")[1]
    assert first.parent_span_id.hex() == CALLER.split("-")[2]
    assert second.trace_id.hex() != CALLER.split("-")[1]
    assert second.parent_span_id == b""


def test_a_caller_that_does_not_sample_is_not_traced(tracing, received) -> None:
    ask(tracing, answering(200, lambda _: tracing.metrics().stages("/x", 1, 1, 1, 1, 1)),
        traceparent=CALLER[:-1] + "0")  # fmt: skip
    tracing.close()
    assert received.spans == []


def test_stages_are_children_in_order_within_their_request(tracing, received) -> None:
    metrics = tracing.metrics()

    def work(_visit: Visit) -> None:
        metrics.stages("/predict", 0.000_01, 0.000_02, 0.000_03, None, 0.000_04)

    ask(tracing, answering(200, work))
    tracing.close()
    parent = received.named("GET /customers/{customer_id}")
    children = [span for span in received.spans if span is not parent]
    assert [span.name for span in children] == ["decode", "features", "predict", "encode"]
    assert {span.parent_span_id for span in children} == {parent.span_id}
    assert {span.trace_id for span in children} == {parent.trace_id}
    for one in children:
        took = one.end_time_unix_nano - one.start_time_unix_nano
        expected = {"decode": 10_000, "features": 20_000, "predict": 30_000, "encode": 40_000}
        assert abs(took - expected[one.name]) <= 1_000
    ends = [span.end_time_unix_nano for span in children[1:-1]]
    begins = [span.start_time_unix_nano for span in children[2:]]
    assert all(abs(end - begun) <= 1_000 for end, begun in zip(ends, begins, strict=True))


def test_work_in_a_thread_belongs_to_its_request(tracing, received) -> None:
    metrics, pools = tracing.metrics(), tracing.pools()

    async def both() -> None:
        await pools.score(metrics.stages, "/predict", None, 0.1, None, None, None)
        await pools.store(metrics.store, "log", "append", 0.1, True)

    ask(tracing, answering(200, lambda _: both()))
    pools.close()
    tracing.close()
    parent = received.named("GET /customers/{customer_id}")
    assert received.named("features").parent_span_id == parent.span_id
    assert received.named("log append").parent_span_id == parent.span_id
    assert received.named("log append").status.code == FAILED


@pytest.mark.parametrize("status", [OK, FAILED])
def test_each_request_whose_events_are_stored_together_has_a_span_of_that(
    tracing, received, status
) -> None:
    pools, stored = tracing.pools(), []

    def append(rows):
        stored.append(rows)
        if status == FAILED:
            raise StoreUnavailable("it is away")
        return Appended(len(rows), frozenset())

    writer = tracing.writer(append, lambda: None)

    async def store() -> None:
        # a long body is read in a thread, and handed to the writer there
        done = await pools.read(writer.submit, [("e-1",)])
        with suppress(StoreUnavailable):
            await asyncio.wrap_future(done)

    for _ in range(2):
        ask(tracing, answering(200, lambda _: store()))
    writer.submit([("e-2",)])
    writer.close()
    pools.close()
    tracing.close()
    assert len(stored) == 3
    parents = {span.span_id for span in received.spans if span.name.startswith("GET")}
    spans = [span for span in received.spans if span.name == "log append"]
    assert {span.parent_span_id for span in spans} == parents
    assert len(spans) == len(parents) == 2
    assert {span.status.code for span in spans} == {status}


def test_stages_outside_any_request_make_no_span(tracing, received) -> None:
    tracing.metrics().stages("/predict", 0.1, 0.1, 0.1, 0.1, 0.1)
    tracing.close()
    assert received.spans == []


def test_a_failure_is_marked_as_one(tracing, received) -> None:
    ask(tracing, answering(503))
    tracing.close()
    (span,) = received.spans
    assert span.status.code == FAILED
    assert attributes(span)["error.type"] == "503"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_are_not_traced(tracing, received, path) -> None:
    ask(tracing, answering(200), path=path)
    tracing.close()
    assert received.spans == []


def test_lines_of_a_request_name_its_trace(tracing, received) -> None:
    told: list[logging.LogRecord] = []

    def work(_visit: Visit) -> None:
        record = logging.makeLogRecord({"msg": "x"})
        sys.modules["services.tracing"]._told(record)
        told.append(record)

    ask(tracing, answering(200, work), traceparent=CALLER)
    assert '"trace_id": "0af7651916cd43dd8448eb211c80319c"' in journal.AsJson("w", 20).format(
        told[0]
    )


def test_who_names_the_service_is_heeded(received, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-scores")
    tracing = traced.tracing(Telemetry(traced=True))
    ask(tracing, answering(200))
    tracing.close()
    assert received.services == {"shop-scores"}


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; import services.composition; from services import traced; "
        "from retain.telemetry import Telemetry; assert traced.tracing(Telemetry()) is None; "
        "sys.exit('services.tracing' in sys.modules or 'opentelemetry.exporter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_endpoint_without_the_extra_is_one_clear_error(monkeypatch) -> None:
    monkeypatch.setattr(traced, "_EXPORTER", "opentelemetry.exporter.nobody.has.this")
    with pytest.raises(InvalidInput) as refusal:
        traced.require(Telemetry(traced=True))
    assert "extra `tracing`" in refusal.value.message
    assert "retain[tracing]" in refusal.value.remedy
    traced.require(Telemetry())
