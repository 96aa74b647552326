"""The BentoML service: one door that leads every request to the application."""

import gc
from typing import Any

import bentoml
from bentoml.exceptions import BentoMLException
from starlette.types import ASGIApp, Receive, Scope, Send

from retain import settings
from retain.database import connect
from retain.errors import RetainError
from services import guard, journal, lean, preflight, supervisor

TIMEOUT_SECONDS = 60
_ALLOCATIONS_PER_COLLECTION = 20_000


class Door:
    """Middleware that answers every HTTP request itself.

    BentoML matches its own probes and pages before any mount and answers unknown paths in
    plain text. From here there is one set of paths and one shape of errors; what is left to
    BentoML is the process: workers, sockets, life span.
    """

    application: ASGIApp | None = None

    def __init__(self, app: ASGIApp) -> None:
        self._framework = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the application once it is composed."""
        inner = self.application if scope["type"] == "http" else None
        await (inner or self._framework)(scope, receive, send)


class _Retain:
    """Composed in the worker, when it starts; importing this module composes nothing."""

    def __init__(self) -> None:
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
        _spare_the_collector()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Refuse to start without models or state, before any worker does: one reason, exit 1."""
        try:
            journal.begin(settings.telemetry(), "supervisor")
            preflight.check(settings.load())
            guard.require(connect(settings.load().database_url), settings.access())
        except RetainError as error:
            raise BentoMLException(f"{error.message}; {error.remedy}") from None
        supervisor.attend()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Finish what is in hand."""
        self._composition.close()


def _spare_the_collector() -> None:
    """Keep what was made at the start out of every collection, and collect less often.

    The framework keeps each request's context for a minute, so that full collections find ever
    more to look at: an eighth of the interpreter's time went into them under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, 20, 20)


Retain: Any = bentoml.service(
    _Retain,
    name="retain",
    traffic={"timeout": TIMEOUT_SECONDS},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
Retain.add_asgi_middleware(Door)
