"""Traces by OpenTelemetry; this module is imported only where an endpoint for them is configured.

A span per request and one for each of its stages, and none of them names a customer: routes are
templates. Where they go, how many, and under which name is for the environment to say, as the
OpenTelemetry specification has it (``OTEL_*``).
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from retain.eventlog import Row
from services.event_writer import Append, EventWriter, Stored
from services.gate.visit import Visit
from services.metrics import Metrics
from services.pools import Pools

PROBES = frozenset({"/livez", "/readyz", "/metrics"})
DECODE = "decode"
APPENDED = "log append"
STAGES = (DECODE, "features", "predict", "decide", "encode")
_FLUSHED_WITHIN_MS = 3_000
_CARRIED = (b"traceparent", b"tracestate")
_PROPAGATOR = TraceContextTextMapPropagator()
_current: ContextVar[Span | None] = ContextVar("retain_span", default=None)
Result = TypeVar("Result")


class Tracing:
    """What the parts of a service need to be traced.

    Args:
        exporter: where spans go; default: the endpoint that the environment names.
    """

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        named = Resource.create()
        if str(named.attributes["service.name"]).startswith("unknown_service"):
            named = named.merge(Resource({"service.name": "retain"}))
        self._provider = TracerProvider(resource=named)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("retain")
        for handler in logging.getLogger().handlers:
            handler.addFilter(_told)

    def layer(self, app: ASGIApp) -> ASGIApp:
        """``app`` with a span around every request but probes."""
        return _Layer(app, self._tracer)

    def metrics(self) -> Metrics:
        """Metrics that make a span of every stage they are told."""
        return _Metrics(self._tracer)

    def pools(self) -> Pools:
        """Pools whose threads know the request they work for."""
        return _Pools()

    def writer(self, append: Append, stored: Callable[[], None]) -> EventWriter:
        """A writer of events that makes a span of what each request waits for it."""
        return _Writer(append, stored, self._tracer)

    def close(self) -> None:
        """Send what waits, within three seconds."""
        self._provider.force_flush(_FLUSHED_WITHIN_MS)
        self._provider.shutdown()


class _Layer:
    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        span = self._tracer.start_span(
            method,
            context=_of_caller(scope),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.scheme": scope.get("scheme", "http")},
        )
        token = _current.set(span)
        try:
            await self._app(scope, receive, send)
        finally:
            _current.reset(token)
            _describe(span, method, scope.get("retain"))
            span.end()


def _of_caller(scope: Scope) -> Context:
    carried = {
        name.decode(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in _CARRIED
    }
    return _PROPAGATOR.extract(carried, context=Context())


def _describe(span: Span, method: str, visit: Visit | None) -> None:
    """Names and attributes of the semantic conventions for HTTP servers, 1.23 and later."""
    if visit is None:
        return
    span.update_name(f"{method} {visit.route}")
    span.set_attribute("http.route", visit.route)
    span.set_attribute("retain.request_id", visit.request_id)
    if visit.key is not None:
        span.set_attribute("retain.key", visit.key)
    if visit.status:
        span.set_attribute("http.response.status_code", visit.status)
    if visit.status >= 500:
        span.set_attribute("error.type", str(visit.status))
        span.set_status(Status(StatusCode.ERROR))


class _Metrics(Metrics):
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def stages(  # noqa: PLR0917 - as what it overrides
        self,
        route: str,
        decode: float | None,
        features: float | None,
        predict: float | None,
        decide: float | None,
        encode: float | None,
    ) -> None:
        super().stages(route, decode, features, predict, decide, encode)
        span = _current.get()
        if span is None or not span.is_recording():
            return
        took = dict(zip(STAGES, (decode, features, predict, decide, encode), strict=True))
        _add(self._tracer, span, {name: one for name, one in took.items() if one is not None})

    def store(self, store: str, operation: str, seconds: float, failed: bool) -> None:
        super().store(store, operation, seconds, failed)
        span = _current.get()
        if span is not None and span.is_recording():
            _add(self._tracer, span, {f"{store} {operation}": seconds}, failed=failed)


def _add(tracer: Tracer, parent: Span, took: Mapping[str, float], *, failed: bool = False) -> None:
    """Children of ``parent``: decoding comes first, the others end now, one after the other.

    They are told when they are over, so that nobody pays for spans where there are none.
    """
    context = set_span_in_context(parent, Context())
    later = dict(took)
    decode = later.pop(DECODE, None)
    spans = list(_one_after_the_other(later, time.time_ns()))
    if decode is not None:
        begun = getattr(parent, "start_time", None) or time.time_ns()
        spans.insert(0, (DECODE, begun, begun + int(decode * 1e9)))
    for name, begun, ended in spans:
        child = tracer.start_span(name, context=context, start_time=begun)
        if failed:
            child.set_status(Status(StatusCode.ERROR))
        child.end(ended)


def _one_after_the_other(took: Mapping[str, float], end: int) -> Iterator[tuple[str, int, int]]:
    begun = end - int(sum(took.values()) * 1e9)
    for name, seconds in took.items():
        ended = begun + int(seconds * 1e9)
        yield name, begun, ended
        begun = ended


class _Pools(Pools):
    async def score(
        self, work: Callable[..., Result], *arguments: Any, several: bool = False
    ) -> Result:
        return await super().score(copy_context().run, work, *arguments, several=several)

    async def store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await super().store(copy_context().run, work, *arguments)

    async def read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await super().read(copy_context().run, work, *arguments)


class _Writer(EventWriter):
    """One thread writes for many requests, and so the span of none is current in it."""

    def __init__(self, append: Append, stored: Callable[[], None], tracer: Tracer) -> None:
        super().__init__(append, stored)
        self._tracer = tracer

    def submit(self, rows: Sequence[Row]) -> Future[Stored]:
        span, began = _current.get(), time.perf_counter()
        stored = super().submit(rows)
        if span is not None and span.is_recording():

            def told(done: Future[Stored]) -> None:
                took = {APPENDED: time.perf_counter() - began}
                _add(self._tracer, span, took, failed=done.exception() is not None)

            stored.add_done_callback(told)
        return stored


def _told(record: logging.LogRecord) -> bool:
    """Lines that are written while a request is worked on name its trace."""
    span = _current.get()
    if span is not None:
        context = span.get_span_context()
        record.trace_id = f"{context.trace_id:032x}"
        record.span_id = f"{context.span_id:016x}"
    return True
