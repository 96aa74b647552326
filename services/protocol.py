"""HTTP on a socket: connections on which there is no request, and requests answered at once.

uvicorn's protocol answers what is no HTTP in plain text, reads a head of any length for as long as
it takes, and takes as many connections as there are open files. Every request is a task of its
own there, and an answer two writes. A test holds the methods that are changed here to those it
has.
"""

import resource
import socket
from asyncio import TimerHandle, Transport, get_running_loop
from functools import lru_cache, partial, wraps
from http import HTTPStatus
from math import inf
from time import monotonic
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services import problems
from services.arrivals import Arrivals
from services.gate.answer import AtOnce, lines
from services.gate.gate import MOST_HEADER_BYTES, READ_AT, Record
from services.gate.lane import overloaded
from services.refusals import HeadersTooLarge, MalformedRequest, Refused, RequestTooSlow

NAME = "services.protocol:Protocol"
CONNECTION = "connection"
"""In place of a route, of what was refused before there was a request."""
HEAD_SECONDS = 10.0
"""Who has not sent the head of a request after so long, or twice that, is cut off."""
LINGER_SECONDS = 1.0
MOST_CONNECTIONS = 4_096
"""Open connections of a worker; fewer where it may not have so many open files."""
_OTHER_FILES = 256
_MOST_LINGERING = 128
_MOST_HEAD_BYTES = 2 * MOST_HEADER_BYTES


class Protocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        hot: a route, and what answers that which is posted to it where all of it came in one
            piece; what is not answered so is a request like any other.
        record: told of what is refused here, where no request was understood.
    """

    hot: ClassVar[tuple[bytes, AtOnce] | None] = None
    record: ClassVar[Record | None] = None
    _head_bytes = 0
    _began: object = None
    _answered: object = None
    _timer: TimerHandle | None = None
    _parts: list[bytes] | None = None
    _has_answered = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        excess = len(self.connections) - most_connections()
        if excess > _MOST_LINGERING:
            transport.abort()
        elif excess > 0:
            self._refuse(overloaded("there are as many connections as are taken"))
        else:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._look)
        arrivals: Arrivals | None = getattr(self.server_state, "arrivals", None)
        if arrivals is not None:
            arrivals.look()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head is read no further than it may be long."""
        before = self.scope
        self._has_answered = False
        super().data_received(data)
        if self._parts is not None:
            self._hand_over()
        if self.scope is not None and "method" in self.scope:
            self._head_bytes = 0
            return
        # what a head began behind was the end of a request, however long
        self._head_bytes = self._head_bytes + len(data) if self.scope is before else 0
        if self._head_bytes > _MOST_HEAD_BYTES:
            self._refuse(
                HeadersTooLarge(
                    f"path, query and headers are longer than {MOST_HEADER_BYTES:,} bytes",
                    remedy="send what is long in the body",
                )
            )

    def on_headers_complete(self) -> None:
        """Begin a request, or wait a moment for what may be the whole of it."""
        # fields behind a chunked body come as headers do: whoever let those pass did not see them
        self.headers = []
        if self.hot is not None and self.url == self.hot[0] and self._may_wait():
            self._parts = []
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if self._parts is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer a whole request, or have it answered."""
        parts = self._parts
        if parts is None or self.hot is None:
            super().on_message_complete()
            return
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope.update(method="POST", path=self.url.decode(), raw_path=self.url, query_string=b"")
        answer = self.hot[1](scope, b"".join(parts))
        if answer is None:
            self._hand_over()
            super().on_message_complete()
            return
        self._parts = None
        self._answered = scope
        self._has_answered = True
        fixed = (STATUS_LINE[answer.status], _common(self.server_state.default_headers))
        # one write: what listens is woken once
        self.transport.write(b"".join([*fixed, answer.head, b"\r\n", answer.body]))
        self.on_response_complete()

    def _may_wait(self) -> bool:
        """Whether this may be answered at once, and nothing else is being answered.

        Of what came together only the first is: others wait for their turn, too.
        """
        cycle, parser = self.cycle, self.parser
        return (
            not self._has_answered
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
        )

    def _begin(self) -> None:
        """Begin a request in a task of its own."""
        # what was answered before it in the same piece has set the timer of an idle connection
        self._unset_keepalive_if_required()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[READ_AT] = monotonic()
        super().on_headers_complete()

    def _hand_over(self) -> None:
        """Begin the request that was waited for, as far as it came."""
        parts, self._parts = self._parts or [], None
        self._begin()
        for part in parts:
            super().on_body(part)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(MalformedRequest(msg, remedy="send HTTP/1.1, as RFC 9112 has it"))

    def _look(self) -> None:
        """Cut off who has been sending the same head since the last look, or nothing at all."""
        scope = self.scope
        if scope is None or ("method" not in scope and scope is self._began):
            self._refuse(RequestTooSlow(f"no head of a request came in {HEAD_SECONDS:g} s"))
            return
        answered = self._answered is scope or (self.cycle and self.cycle.response_complete)
        if answered and scope is self._began:
            # answered by the last look, and no request since: bytes alone keep nothing open
            self.transport.close()
            return
        self._began = scope
        self._timer = self.loop.call_later(HEAD_SECONDS, self._look)

    def _refuse(self, error: Refused) -> None:
        """Answer in place of the application, hear nothing more, and close."""
        self._parts = None
        transport = self.transport
        if transport.is_closing() or isinstance(self.parser, _Deaf):
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self.pipeline or cycle.response_started or not cycle.more_body:
                # somebody is still answering what came before
                transport.close()
                return
            # its own body is what cannot be read: who waits for the rest of it waits no more
            cycle.disconnected = True
            cycle.message_event.set()
        self._unset_keepalive_if_required()
        self.parser = _Deaf()  # type: ignore[assignment]
        problem = problems.rendered(error, None)
        transport.write(_written(problem))
        if Protocol.record is not None:
            Protocol.record(CONNECTION, problem.status, 0.0)
        if transport.can_write_eof():
            transport.write_eof()
        # closed at once it would be reset under what is still on its way, and the answer lost
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_SECONDS, transport.close)


class _Deaf:
    """In place of a parser: nothing that comes is read."""

    def feed_data(self, data: bytes) -> None:
        """Throw it away."""


def most_connections() -> int:
    """How many connections a worker takes with the open files it may have."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    allowed: float = inf if files == resource.RLIM_INFINITY else files
    return int(min(MOST_CONNECTIONS, max(allowed - _OTHER_FILES, _OTHER_FILES)))


def answer_at_once(route: str, at_once: AtOnce) -> None:
    """Have every connection of this process answer so what is posted to ``route``."""
    Protocol.hot = route.encode(), at_once


def count_by(record: Record) -> None:
    """Have what every connection of this process refuses told to ``record``."""
    Protocol.record = staticmethod(record)


def install() -> None:
    """Have servers that are made in this process from now on speak so."""
    from uvicorn.config import HTTP_PROTOCOLS, WS_PROTOCOLS  # noqa: PLC0415 - the parent serves none
    from uvicorn.server import Server  # noqa: PLC0415 - as above

    protocols: dict[Any, str] = HTTP_PROTOCOLS
    protocols["auto"] = NAME
    # nothing here speaks WebSocket, and a connection handed to what does is not watched any more
    websockets: dict[Any, str | None] = WS_PROTOCOLS
    websockets["auto"] = None
    _let_in_together(Server)


def _let_in_together(servers: Any) -> None:
    """Have ``servers`` give what they are given to listen on to :class:`Arrivals` as well."""
    started = servers.startup
    if hasattr(started, "__wrapped__"):
        return

    @wraps(started)
    async def startup(self: Any, sockets: list[socket.socket] | None = None) -> None:
        await started(self, sockets=sockets)
        if sockets and not self.config.ssl:
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            make = partial(self.config.http_protocol_class, config=self.config, **state)
            self.server_state.arrivals = Arrivals(get_running_loop(), sockets, make)

    servers.startup = startup


def _written(problem: problems.Rendered) -> bytes:
    """An answer as it goes over the wire."""
    told = {
        **problem.headers,
        "Content-Type": problems.MEDIA_TYPE,
        "Content-Length": str(len(problem.body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in told.items()]
    return "\r\n".join([*lines, "", ""]).encode() + problem.body


@lru_cache(maxsize=4)
def _common_of(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return lines(headers)


def _common(headers: list[tuple[bytes, bytes]]) -> bytes:
    """What every answer of the server says: the date, which is another every second."""
    return _common_of(tuple(headers))
