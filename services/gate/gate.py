"""The gate: what every request passes on its way in, and every answer on its way out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import count
from math import inf
from secrets import token_hex
from time import monotonic, perf_counter
from typing import Any, cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retain.errors import InvalidInput
from services import journal, linger, problems
from services.gate.answer import Answer, lines
from services.gate.backlog import Backlog
from services.gate.bodies import Bodies, too_large
from services.gate.limit import until
from services.gate.places import Place, Places
from services.gate.visit import Visit
from services.refusals import BodyTooLarge, DeadlineExceeded, EncodedBody, HeadersTooLarge

READ_AT = "retain.read_at"
"""In a scope: when its head was read, in seconds of ``time.monotonic``; not there: just now."""
LONGEST_SECONDS = 30.0
"""No request is worked on for longer, whatever its caller allows."""
MOST_HEADER_BYTES = 32_768
_LONGEST_ID = 128
_SANE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+=@"
_REQUEST_ID = b"x-request-id"
_PLAIN = (b"identity", b"")
_CLOSE = (b"connection", b"close")
_MOST_DIGITS = 9
_NOT_ANSWERED = 499
log = logging.getLogger("retain.service")

Check = Callable[[Scope, Visit], None]
"""What lets a request in, or raises a RetainError; it must not wait for anything."""
Whole = Callable[[Scope, bytes], tuple[bytes, bytes] | None]
"""Answers a body without a wait: lines of headers, and a body; None where it takes more."""
_Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
Record = Callable[[str, int, float], None]
"""Told the route, the status and the seconds of every request."""
Note = Callable[[Visit, float], None]
"""Told every visit when it is over, and how many seconds it took."""


class Gate:
    """The outermost layer of the service.

    Every request gets an id and a deadline, is let in or refused, and is counted; whatever goes
    wrong behind the gate is answered as a problem.

    Args:
        app: what answers; the request's :class:`Visit` is at ``scope["retain"]``.
        places: the operations.
        backlog: how far the event loop may be behind for work that is done on it.
        checks: called in order for every request; the first that raises ends it.
        record: counts requests.
        notes: told of every request after that.
        whole: what may answer a request of which all is there before ``app`` is asked.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        places: Places,
        backlog: Backlog,
        record: Record,
        checks: Sequence[Check] = (),
        notes: Sequence[Note] = (),
        whole: Whole | None = None,
    ) -> None:
        # what an ASGI application is, also where its type promises less
        self._app = cast(_Application, app)
        self._places = places
        self._backlog = backlog
        self._bodies = Bodies()
        self._checks = tuple(checks)
        self._record = record
        self._notes = tuple(notes)
        self._whole = whole
        self._prefix, self._number = token_hex(5) + "-", count(1)
        self._draining = False

    def drain(self) -> None:
        """From now on every answer closes its connection; nothing is refused for that."""
        self._draining = True

    def at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """As :data:`services.gate.answer.AtOnce`; whom it let in, it does not ask again."""
        if self._whole is None or self._draining:
            return None
        place, visit, now = self._met(scope)
        try:
            self._read(scope, visit, now)
            self._admit(scope, visit, place, len(body), now)
            place.lane.enter()
            visit.entered = True
            found = self._whole(scope, body)
            if found is None:
                visit.declined = True
                return None
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            problem = _problem(error, place, visit, scope["path"])
            status, head, content = problem.status, lines(_headers_of(problem)), problem.body
        else:
            head, content = found
            status = 200
        told = (head, len(content), visit.request_id.encode(), place.lines)
        visit.status = status
        self._left(place, visit)
        return Answer(status, b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % told, content)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; anything but HTTP is handed on as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit: Visit | None = scope.get("retain")
        if visit is None:
            place, visit, now = self._met(scope)
        else:
            place, now = self._places.of(scope["method"], scope["path"]), 0.0

        def answer(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                own = [*message["headers"], (_REQUEST_ID, visit.request_id.encode())]
                own += place.headers
                if self._draining:
                    own.append(_CLOSE)
                message["headers"] = own
            return send(message)

        length = None
        try:
            if visit.entered:
                work = self._app(scope, receive, answer)
            else:
                length = self._read(scope, visit, now)
                self._admit(scope, visit, place, length or 0, now)
                work = self._heard(scope, receive, answer, visit=visit, place=place, length=length)
            await until(visit.deadline, work)
            if not visit.status:
                raise RuntimeError(f"{visit.route} gave no answer")  # noqa: TRY301
        except ClientDisconnect:
            # nobody is there to be answered: counted as that, and no fault of ours
            pass
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            # who was heard has nothing more to send
            unread = not visit.heard and (length or 0) > linger.AT_ONCE_BYTES
            unread = unread or isinstance(error, BodyTooLarge)
            after = receive if unread else None
            await _tell(error, place, visit, scope["path"], answer, rest=after)
        finally:
            self._left(place, visit)

    async def _heard(
        self,
        scope: Scope,
        receive: Receive,
        answer: Send,
        *,
        visit: Visit,
        place: Place,
        length: int | None,
    ) -> None:
        """Answer who was admitted, once all they have to say is there and a place is free."""
        said = await self._bodies.whole(receive, place.most_bytes if length is None else length)
        visit.heard = True
        place.lane.enter()
        visit.entered = True
        await self._app(scope, said, answer)

    def _met(self, scope: Scope) -> tuple[Place, Visit, float]:
        """The place of a request that has come, its visit, and when that was."""
        now = monotonic()
        place = self._places.of(scope["method"], scope["path"])
        visit = Visit(place.route, "", now + place.lane.seconds, perf_counter())
        scope["retain"] = visit
        return place, visit, now

    def _left(self, place: Place, visit: Visit) -> None:
        """The visit is over."""
        if visit.entered:
            place.lane.leave()
        seconds = perf_counter() - visit.started
        self._record(visit.counted_as or visit.route, visit.status or _NOT_ANSWERED, seconds)
        for note in self._notes:
            note(visit, seconds)

    def _admit(self, scope: Scope, visit: Visit, place: Place, length: int, now: float) -> None:
        """Let a request in, or raise why not."""
        for check in self._checks:
            check(scope, visit)
        if length > place.most_bytes:
            raise too_large(place.most_bytes)
        within = min(place.behind, visit.deadline - now)
        read_at = scope.get(READ_AT, inf)
        loop = asyncio.get_running_loop()
        try:
            self._backlog.admit(loop, now, within, place.least, read_at)
        finally:
            # who measures from here on would call a service quick that keeps everybody waiting
            visit.started -= self._backlog.waited

    def _read(self, scope: Scope, visit: Visit, now: float) -> int | None:
        """Take over what the headers say; returns the length of the body, None if not said.

        Raises:
            HeadersTooLarge: they or the path are longer than is read.
            EncodedBody: the body is not sent as it is.
            InvalidInput: the timeout is no number of milliseconds.
        """
        size, length, timeout = len(scope["path"]) + len(scope["query_string"]), None, None
        coding = b""
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"content-length":
                # the server has seen to it that this is a number
                length = int(value)
            elif name == _REQUEST_ID:
                if len(value) <= _LONGEST_ID and not value.translate(None, _SANE):
                    visit.request_id = value.decode()
            elif name == b"x-request-timeout-ms":
                timeout = value
            elif name == b"content-encoding":
                coding = value
        if not visit.request_id:
            visit.request_id = f"{self._prefix}{next(self._number):x}"
        _require_readable(size, coding)
        if timeout is not None:
            visit.deadline = now + _seconds(timeout)
        return length


def _require_readable(size: int, coding: bytes) -> None:
    if size > MOST_HEADER_BYTES:
        raise HeadersTooLarge(
            f"path, query and headers are longer than {MOST_HEADER_BYTES:,} bytes",
            remedy="send what is long in the body",
        )
    if coding.lower() not in _PLAIN:
        raise EncodedBody("the body is compressed", remedy="send it as it is: plain JSON")


def _seconds(timeout: bytes) -> float:
    if not (timeout.isdigit() and len(timeout) <= _MOST_DIGITS and int(timeout)):
        raise InvalidInput(
            f"the X-Request-Timeout-Ms is {timeout.decode('latin-1')!r:.60}",
            remedy="send a whole number of milliseconds, 1 or more, or leave it out",
            field="X-Request-Timeout-Ms",
        )
    return min(int(timeout) / 1_000, LONGEST_SECONDS)


async def _tell(
    error: Exception,
    place: Place,
    visit: Visit,
    path: str,
    answer: Callable[[Message], Awaitable[None]],
    *,
    rest: Receive | None,
) -> None:
    """Answer with the problem of ``error``, where no answer was begun; ``rest`` was not read."""
    if visit.status:
        # half an answer cannot be taken back: the server closes its connection
        log.error("an answer broke off", exc_info=error, extra=journal.about(visit))
        return
    problem = _problem(error, place, visit, path)
    headers = [*_headers_of(problem), (b"content-length", b"%d" % len(problem.body))]
    if rest is not None:
        headers.append(_CLOSE)
    await answer({"type": "http.response.start", "status": problem.status, "headers": headers})
    more = rest is not None
    await answer({"type": "http.response.body", "body": problem.body, "more_body": more})
    if rest is not None:
        await linger.read_on(rest)
        await answer({"type": "http.response.body", "body": b""})


def _problem(error: Exception, place: Place, visit: Visit, path: str) -> problems.Rendered:
    if isinstance(error, DeadlineExceeded):
        error = DeadlineExceeded(error.message, remedy=place.late)
    return problems.rendered(error, path, visit)


def _headers_of(problem: problems.Rendered) -> list[tuple[bytes, bytes]]:
    told = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    return [*told, (b"content-type", problems.MEDIA_TYPE.encode())]
