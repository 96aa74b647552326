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

from retain.errors import InvalidInput, NotFound
from services import (
    bodies,
    champions,
    delivery_operations,
    languages,
    operations,
    pages,
    problems,
    rank_body,
)
from services.bodies import json_response
from services.gate import visit
from services.ingest import Begun, Handled
from services.metrics import CONTENT_TYPE
from services.openapi import document
from services.operation import JSON, Operation
from services.patience import Patience
from services.pools import Pools
from services.problems import NotReflected
from services.schemas.base import MAX_ID_LENGTH
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
        done, encode = await self._pools.score(self._predicted, asked, several=several)
        self._do.metrics.stages(operations.PREDICT.path, decode, None, None, None, encode)
        answer = Response(done, media_type=JSON)
        answer.headers.update(languages.headers(asked.language, negotiated=negotiated))
        return answer

    def _predicted(self, asked: PredictRequest) -> tuple[bytes, float]:
        """The body of an answer, and how many seconds it took to write."""
        answer = self._do.predictions.predict(asked)
        began = time.perf_counter()
        # a thousand customers take a while: not on the event loop
        return bodies.encode_scores(answer), time.perf_counter() - began

    async def rank(self, request: Request) -> Response:
        asked = rank_body.decoded(await bodies.read(request))
        key = _idempotency_key(request)
        answer = await self._pools.score(self._do.ranking.rank, asked, key)
        if (visit := request.scope.get("retain")) is not None:
            visit.decision_id = answer["decision_id"]
        return json_response(answer)

    async def decision(self, request: Request) -> Response:
        decision_id = _id(request, "decision_id", "send the decision_id that an answer gave")
        patience = Patience()
        while True:
            try:
                found = await self._pools.store(self._do.ranking.replay, decision_id)
                return json_response(found)
            except NotFound:
                if not await patience.again([decision_id]):
                    raise

    async def events(self, request: Request) -> Response:
        wait, dry_run = _flag(request, "wait"), _flag(request, "dry_run")
        body = await bodies.read(request)
        if dry_run:
            done = await self._pools.read(self._explained, body)
        else:
            begun = await self._begun(body)
            await asyncio.wrap_future(begun.stored)
            done = self._do.events.finish(begun)
            if wait:
                await self._wait_for(done.customer_ids, visit.of(request.scope).deadline)
        return json_response(done.answer, 200 if done.complete else 207)

    async def feedback(self, request: Request) -> Response:
        told = outcomes_in(bodies.decode(await bodies.read(request)))
        patience, feedback = Patience(), self._do.feedback
        recorded = await self._pools.store(feedback.record, told)
        while due := await patience.again(recorded.missing):
            recorded = await self._pools.store(feedback.record_again, told, recorded, due)
        done = feedback.finish(told, recorded)
        return json_response(done.answer, 200 if done.complete else 207)

    async def deliveries(self, request: Request) -> Response:
        limit = _number(request, "limit", MAX_DELIVERIES) or DELIVERIES
        lease = _number(request, "lease_seconds", LONGEST_LEASE_SECONDS)
        return json_response(await self._pools.store(self._do.deliveries.take, limit, lease))

    async def acknowledge(self, request: Request) -> Response:
        delivery_id = _id(request, "delivery_id", "send the delivery_id that GET /deliveries gave")
        return await self._acknowledged([delivery_id])

    async def acknowledge_many(self, request: Request) -> Response:
        asked = bodies.parse(AckRequest, await bodies.read(request))
        return await self._acknowledged(asked.delivery_ids)

    async def _acknowledged(self, delivery_ids: list[str]) -> Response:
        done = await self._pools.store(self._do.deliveries.acknowledge, delivery_ids)
        return json_response(done.answer, 200 if done.complete else 207)

    async def customer(self, request: Request) -> Response:
        customer_id = _id(request, "customer_id", "send the id as its events have it")
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

    async def _begun(self, body: bytes) -> Begun:
        # reading a few events takes less than handing them to a thread
        if len(body) <= READ_AT_ONCE_BYTES:
            return self._do.events.begin(bodies.events(body))
        return await self._pools.read(lambda: self._do.events.begin(bodies.events(body)))

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


def _guarded(handler: Handler) -> Handler:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            return problems.response(error, request.url.path, request.scope.get("retain"))

    return endpoint


def _id(request: Request, name: str, remedy: str) -> str:
    """An id of the path.

    Raises:
        InvalidInput: it is longer than any.
    """
    given: str = request.path_params[name]
    if len(given) > MAX_ID_LENGTH:
        raise InvalidInput(
            f"the {name} has more than {MAX_ID_LENGTH} characters", remedy=remedy, field=name
        )
    return given


def _flag(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise InvalidInput(
            f"{name} is {given!r}", remedy=f"write ?{name}=true or leave it out", field=name
        )
    return given == "true"


def _number(request: Request, name: str, most: int) -> int | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        raise InvalidInput(
            f"{name} is {given!r:.60}", remedy=f"write a number from 1 to {most:,}", field=name
        )
    return int(given)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_ID_LENGTH:
        raise InvalidInput(
            "the Idempotency-Key is empty or too long",
            remedy=f"send 1 to {MAX_ID_LENGTH} characters",
            field="Idempotency-Key",
        )
    return key
