"""Calling a webhook: one POST to a declared address, within a time, and what it answered.

No redirect is followed, no proxy of the environment is used, and of the answer only the status
and ``Retry-After`` count: nothing an endpoint says leads anywhere else.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from urllib.parse import urlsplit

_MOST_READ = 4_096


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call.

    Attributes:
        status: of the answer, None where there was none.
        why: what to note where it failed.
        retry_after: how long the endpoint asks to be left alone.
    """

    status: int | None
    why: str = ""
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        """Whether the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more of them (410)."""
        return self.status == http.HTTPStatus.GONE


def call(url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta) -> Answered:
    """POST ``body`` as JSON to ``url``; never raises for what the other side does."""
    parts = urlsplit(url)
    seconds = timeout.total_seconds()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {"content-type": "application/json", "user-agent": "Retain", **headers}
    try:
        with closing(_connection(parts.scheme, parts.hostname or "", parts.port, seconds)) as made:
            made.connect()
            # a timeout of the socket is one of each read: this is one of all of them
            deadline = threading.Timer(seconds, _cut, [made.sock])
            deadline.daemon = True
            deadline.start()
            try:
                made.request("POST", path, body=body, headers=given)
                answer = made.getresponse()
                answer.read(_MOST_READ)
            finally:
                deadline.cancel()
    except TimeoutError:
        return Answered(None, f"no answer within {seconds:g} s")
    except (OSError, http.client.HTTPException) as error:
        return Answered(None, f"no answer: {type(error).__name__}: {error}"[:300])
    why = "" if 200 <= answer.status < 300 else f"answered {answer.status} {answer.reason}"[:300]
    return Answered(answer.status, why, _retry_after(answer.headers.get("retry-after")))


def _connection(
    scheme: str, host: str, port: int | None, seconds: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=_trust())
    return http.client.HTTPConnection(host, port, timeout=seconds)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _retry_after(given: str | None) -> timedelta | None:
    if given is None or not given.strip().isdigit():
        return None
    return timedelta(seconds=min(int(given), 86_400))
