"""The routes: each reads its input, hands it to a use case in a thread, and answers JSON."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from retain.errors import NotFound
from services import (
    answers,
    bodies,
    champions,
    delivery_operations,
    languages,
    operations,
    pages,
    parameters,
    problems,
    rank_body,
)
from services.answers import Json
from services.bodies import json_response
from services.gate import visit
from services.ingest import Begun, Handled
from services.metrics import CONTENT_TYPE
from services.openapi import document
from services.operation import JSON, Operation
from services.patience import Patience
from services.pools import Pools
from services.problems import NotReflected
from services.schemas.deliveries import LONGEST_LEASE_SECONDS, MAX_DELIVERIES, AckRequest
from services.schemas.feedback import outcomes_in
from services.schemas.predictions import PredictRequest
from services.use_cases import UseCases

WAIT_SECONDS = 10.0
READ_AT_ONCE_BYTES = 4_096
DELIVERIES = 10
_POLL_SECONDS = 0.02
_ON_ITS_WAY_SECONDS = 0.05
Handler = Callable[[Request], Awaitable[Response]]


class Routes:
    """Thin endpoints over ``use_cases``; blocking work runs in ``pools``."""

    def __init__(self, use_cases: UseCases, pools: Pools) -> None:
        self._do = use_cases
        self._pools = pools

    async def predict(self, request: Request) -> Response:
        body, began = await bodies.read(request), time.perf_counter()
        asked = bodies.parse(PredictRequest, body)
        decode = time.perf_counter() - began
        negotiated = asked.language is None
        if negotiated and (accepted := request.headers.get("accept-language")):
            asked = asked.model_copy(update={"language": languages.preferred(accepted)})
        several = asked.customer_ids is not None
        seen = visit.of(request.scope)
        seen.counted_as = asked.counted_as
        done, encode = await self._pools.score(self._predicted, asked, seen, several=several)
        self._do.metrics.stages(asked.counted_as, decode, None, None, None, encode)
        answer = Response(done, media_type=JSON)
        answer.headers.update(languages.headers(asked.language, negotiated=negotiated))
        return answer

    def _predicted(self, asked: PredictRequest, seen: visit.Visit) -> tuple[bytes, float]:
        """The body of an answer, and how many seconds it took to write."""
        answer = self._do.predictions.predict(asked)
        if asked.customer_ids is None:
            seen.decision_id = answers.decision_of(answer)
        else:
            ids = (answers.decision_of(one) for one in answer["predictions"])
            seen.decisions = sum(one is not None for one in ids)
        began = time.perf_counter()
        # a thousand customers take a while: not on the event loop
        return bodies.encode_scores(answer), time.perf_counter() - began

    async def rank(self, request: Request) -> Response:
        body, began = await bodies.read(request), time.perf_counter()
        asked = rank_body.decoded(body)
        decode = time.perf_counter() - began
        key = parameters.idempotency_key(request)
        answer = await self._pools.score(self._do.ranking.rank, asked, key)
        visit.of(request.scope).decision_id = answer["decision_id"]
        return self._told(operations.RANK, decode, answer)

    async def decision(self, request: Request) -> Response:
        decision_id = parameters.identifier(
            request, "decision_id", "send the decision_id that an answer gave"
        )
        patience = Patience()
        while True:
            try:
                found = await self._pools.store(self._do.ranking.replay, decision_id)
                visit.of(request.scope).decision_id = found["decision_id"]
                return json_response(found)
            except NotFound:
                if not await patience.again([decision_id]):
                    raise

    async def events(self, request: Request) -> Response:
        wait, dry_run = parameters.flag(request, "wait"), parameters.flag(request, "dry_run")
        body = await bodies.read(request)
        if dry_run:
            # takes times as long as what is stored, and is no part of what senders wait for
            done = await self._pools.read(self._explained, body)
            return json_response(done.answer, _status(done))
        begun, decode = await self._begun(body)
        await asyncio.wrap_future(begun.stored)
        done = self._do.events.finish(begun)
        if wait:
            await self._wait_for(done.customer_ids, visit.of(request.scope).deadline)
        return self._told(operations.EVENTS, decode, done.answer, _status(done))

    async def feedback(self, request: Request) -> Response:
        body, began = await bodies.read(request), time.perf_counter()
        told = outcomes_in(bodies.decode(body))
        decode = time.perf_counter() - began
        patience, feedback = Patience(), self._do.feedback
        recorded = await self._pools.store(feedback.record, told)
        while due := await patience.again(recorded.missing):
            recorded = await self._pools.store(feedback.record_again, told, recorded, due)
        done = feedback.finish(told, recorded)
        return self._told(operations.FEEDBACK, decode, done.answer, _status(done))

    async def deliveries(self, request: Request) -> Response:
        limit = parameters.number(request, "limit", MAX_DELIVERIES) or DELIVERIES
        lease = parameters.number(request, "lease_seconds", LONGEST_LEASE_SECONDS)
        return json_response(await self._pools.store(self._do.deliveries.take, limit, lease))

    async def acknowledge(self, request: Request) -> Response:
        delivery_id = parameters.identifier(
            request, "delivery_id", "send the delivery_id that GET /deliveries gave"
        )
        return await self._acknowledged([delivery_id])

    async def acknowledge_many(self, request: Request) -> Response:
        asked = bodies.parse(AckRequest, await bodies.read(request))
        return await self._acknowledged(asked.delivery_ids)

    async def _acknowledged(self, delivery_ids: list[str]) -> Response:
        done = await self._pools.store(self._do.deliveries.acknowledge, delivery_ids)
        return json_response(done.answer, _status(done))

    async def customer(self, request: Request) -> Response:
        customer_id = parameters.identifier(
            request, "customer_id", "send the id as its events have it"
        )
        return json_response(await self._pools.score(self._do.profiles.profile, customer_id))

    async def models(self, _request: Request) -> Response:
        return json_response(champions.summary(self._do.manifests))

    async def metrics(self, _request: Request) -> Response:
        # who scrapes wants to know how late the loop is, and is the first to have one at hand
        self._do.metrics.watch_loop(asyncio.get_running_loop())
        text = await self._pools.probe(self._do.metrics.render)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def livez(self, _request: Request) -> Response:
        return json_response({"status": "alive"})

    async def readyz(self, _request: Request) -> Response:
        answer = await self._pools.probe(self._do.readiness)
        return json_response(answer, 503 if answer["status"] == "not_ready" else 200)

    async def docs(self, _request: Request) -> Response:
        return pages.page()

    async def document(self, _request: Request) -> Response:
        return json_response(document())

    async def index(self, _request: Request) -> Response:
        return RedirectResponse("/docs")

    async def asset(self, request: Request) -> Response:
        found = pages.asset(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found

    async def _begun(self, body: bytes) -> tuple[Begun, float]:
        # reading a few events takes less than handing them to a thread
        if len(body) <= READ_AT_ONCE_BYTES:
            return self._decoded(body)
        return await self._pools.read(self._decoded, body)

    def _decoded(self, body: bytes) -> tuple[Begun, float]:
        """The events of a body on their way to the store, and how many seconds reading took."""
        began = time.perf_counter()
        return self._do.events.begin(bodies.events(body)), time.perf_counter() - began

    def _told(self, asked: Operation, decode: float, answer: Json, status: int = 200) -> Response:
        """The response; how long reading and writing took is counted."""
        began = time.perf_counter()
        response = json_response(answer, status)
        encode = time.perf_counter() - began
        self._do.metrics.stages(asked.path, decode, None, None, None, encode)
        return response

    def _explained(self, body: bytes) -> Handled:
        return self._do.events.explain(bodies.events(body))

    async def _wait_for(self, customer_ids: frozenset[str], deadline: float) -> None:
        # the answer has to be on its way by then
        until = min(time.monotonic() + WAIT_SECONDS, deadline - _ON_ITS_WAY_SECONDS)
        while not await self._pools.store(self._do.events.reflected, customer_ids):
            if time.monotonic() > until:
                raise NotReflected(
                    "the events are stored, but not reflected in the time there was to wait",
                    remedy="do not send them again for that: they will be reflected",
                )
            await asyncio.sleep(_POLL_SECONDS)


def application(use_cases: UseCases, pools: Pools) -> Starlette:
    """The ASGI application over ``use_cases``."""
    routes = Routes(use_cases, pools)
    offered: list[tuple[Operation, Handler]] = [
        (operations.PREDICT, routes.predict),
        (operations.RANK, routes.rank),
        (operations.DECISION, routes.decision),
        (operations.EVENTS, routes.events),
        (operations.FEEDBACK, routes.feedback),
        (delivery_operations.DELIVERIES, routes.deliveries),
        (delivery_operations.ACK, routes.acknowledge),
        (delivery_operations.ACK_MANY, routes.acknowledge_many),
        (operations.CUSTOMER, routes.customer),
        (operations.MODELS, routes.models),
        (operations.METRICS, routes.metrics),
        (operations.LIVEZ, routes.livez),
        (operations.READYZ, routes.readyz),
        (operations.DOCS, routes.docs),
        (operations.DOCUMENT, routes.document),
    ]
    listed = [
        _exactly(Route(_route(o.path), _guarded(handler), methods=[o.method], name=o.name))
        for o, handler in offered
    ]
    hidden = [
        _exactly(Route(path, _guarded(handler), include_in_schema=False))
        for path, handler in (("/", routes.index), ("/static_content/{name}", routes.asset))
    ]

    async def no_route(request: Request, error: Exception) -> Response:
        return problems.response(error, request.url.path, request.scope.get("retain"))

    app = Starlette(routes=[*listed, *hidden], exception_handlers={HTTPException: no_route})
    app.router.redirect_slashes = False
    return app


def _route(path: str) -> str:
    """The path as Starlette reads it: an id may hold slashes, which a client sends as %2F."""
    return path.replace("_id}", "_id:path}")


def _exactly(route: Route) -> Route:
    """``route`` for the paths that the gate takes for its own, and for no other.

    Starlette's patterns end before a line break at the end too, which would leave an operation
    to a key without its scope, and an id with one inside they do not find.
    """
    pattern = route.path_regex.pattern.removesuffix("$").replace(".*", ".+")
    route.path_regex = re.compile(rf"{pattern}\Z", re.DOTALL)
    if route.name == delivery_operations.DELIVERIES.name and route.methods:
        route.methods.discard("HEAD")  # what is handed out would be seen by nobody
    return route


def _status(done: Handled) -> int:
    """Of an answer with a result for each of what was sent."""
    return 200 if done.complete else 207


def _guarded(handler: Handler) -> Handler:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            return problems.response(error, request.url.path, request.scope.get("retain"))

    return endpoint
