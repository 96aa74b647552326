"""The front: what is answered on the event loop itself, before anything is handed to a thread."""

from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from retain.reasons import Language
from services import languages
from services.gate.answer import lines
from services.gate.bodies import again
from services.gate.places import Headers
from services.gate.visit import of
from services.languages import DEFAULT
from services.single import ROUTE, Single

_lines = lru_cache(maxsize=8)(lines)
_MOST_BYTES = 4_096
"""A body about one customer is shorter."""


class Front:
    """``POST /predict`` of one customer as raw ASGI; everything else goes to ``app``."""

    def __init__(self, app: ASGIApp, single: Single | None) -> None:
        self._app = app
        self._single = single

    @property
    def answers_at_once(self) -> bool:
        """Whether there is anything that :meth:`whole` may answer."""
        return self._single is not None

    def whole(self, scope: Scope, body: bytes) -> tuple[bytes, bytes] | None:
        """As :data:`services.gate.gate.Whole`, of a request for :data:`~services.single.ROUTE`."""
        found = self._answered(scope, body)
        return None if found is None else (_lines(found[0]), found[1])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on what was read so far."""
        if scope["path"] != ROUTE or scope["method"] != "POST" or of(scope).declined:
            await self._app(scope, receive, send)
            return
        first = await receive()
        body = first.get("body", b"")
        found = None if first.get("more_body") else self._answered(scope, body)
        if found is not None:
            fixed, answer = found
            headers = [*fixed, (b"content-length", b"%d" % len(answer))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})
            return
        await self._app(scope, again(first, receive), send)

    def _answered(self, scope: Scope, body: bytes) -> tuple[Headers, bytes] | None:
        """The headers that say what the answer is, and the answer."""
        if self._single is None or len(body) > _MOST_BYTES:
            return None
        accepted = _accepted(scope["headers"])
        answered = self._single.answer(body, accepted)
        if answered is None:
            return None
        visit = of(scope)
        answer, asked, visit.decision_id = answered
        language = asked.language or accepted or DEFAULT
        return _headers(language, negotiated=asked.language is None), answer


def _accepted(headers: list[tuple[bytes, bytes]]) -> Language | None:
    for name, value in headers:
        if name == b"accept-language":
            return _preferred(value)
    return None


@lru_cache(maxsize=1_024)
def _preferred(value: bytes) -> Language | None:
    return languages.preferred(value.decode("latin-1"))


@lru_cache(maxsize=8)
def _headers(language: Language, *, negotiated: bool) -> tuple[tuple[bytes, bytes], ...]:
    told = languages.headers(language, negotiated=negotiated)
    return (
        (b"content-type", b"application/json"),
        *((name.lower().encode(), value.encode()) for name, value in told.items()),
    )
