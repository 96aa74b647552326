"""The BentoML service: one door that leads every request to the application."""

import gc
import sys
from typing import Any

import bentoml
from bentoml.exceptions import BentoMLException
from starlette.types import ASGIApp, Receive, Scope, Send

from retain import settings
from retain.database import connect
from retain.errors import RetainError
from services import (
    drain,
    guard,
    journal,
    lean,
    listening,
    preflight,
    protocol,
    supervisor,
    traced,
)

TIMEOUT_SECONDS = 60
_ALLOCATIONS_PER_COLLECTION = 8_000
_SWITCH_SECONDS = 0.0005


class Door:
    """The outermost layer: every HTTP request goes to the application itself.

    The framework matches its own probes and pages before any mount, answers unknown paths in
    plain text, and wraps every request in a timer, a span and a context that together cost twice
    what scoring a customer does. What is left to it is the process: workers, sockets, life span
    (docs/adr/0020).
    """

    application: ASGIApp | None = None

    def __init__(self, app: ASGIApp) -> None:
        self._framework = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the application once it is composed, and all else to the framework."""
        if scope["type"] == "http" and self.application is not None:
            await self.application(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            # the layers around this one are asked no more
            scope["app"].middleware_stack = self
        await self._framework(scope, receive, send)


class _Retain:
    """Composed in the worker, when it starts; importing this module composes nothing."""

    def __init__(self) -> None:
        # a thread that renders or folds metrics gives way to the loop ten times as soon as is usual
        sys.setswitchinterval(_SWITCH_SECONDS)
        journal.begin(settings.telemetry(), "worker", behind=True)
        supervisor.follow()
        # the parent is spared the imports of LightGBM and all that scores, which take a second
        with lean.imports():
            from services.composition import compose  # noqa: PLC0415

        try:
            self._composition = compose(settings.load(), settings.access(), settings.telemetry())
        except RetainError as error:
            supervisor.refuse(error)
        Door.application = self._composition.application
        protocol.count_by(self._composition.record)
        if self._composition.at_once is not None:
            protocol.answer_at_once(*self._composition.at_once)
        drained = settings.load().drain_seconds + listening.ACCEPTS_SECONDS
        drain.at_termination(self._composition.drain, drained)
        _spare_the_collector()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Refuse to start without models or state, before any worker does: one reason, exit 1."""
        try:
            journal.begin(settings.telemetry(), "supervisor")
            traced.require(settings.telemetry())
            preflight.check(settings.load())
            guard.require(connect(settings.load().database_url), settings.access())
        except RetainError as error:
            raise BentoMLException(f"{error.message}; {error.remedy}") from None
        supervisor.attend(settings.load().drain_seconds, drain.STOPPED_WITHIN_SECONDS)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Finish what is in hand."""
        self._composition.close()


def _spare_the_collector() -> None:
    """Keep what was made at the start out of every collection, and collect less often.

    A full collection of what the models, the catalogue and the libraries are made of takes some
    hundred milliseconds, and nothing of it is ever garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, 20, 50)


Retain: Any = bentoml.service(
    _Retain,
    name="retain",
    workers=settings.worker_count() or 1,
    # bentofile.yaml says the rest; scripts/compile reads these before the other sources are there
    image=bentoml.images.Image().build_include("retain/__init__.py", "retain/native"),
    traffic={"timeout": TIMEOUT_SECONDS},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
Retain.add_asgi_middleware(Door)
# here, as the server is made before the service is
protocol.install()
