"""An answer that is there at once, as it goes over the wire below its status line."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.types import Scope


class Answer(NamedTuple):
    """A whole answer; ``head`` are its headers, each with its line's end."""

    status: int
    head: bytes
    body: bytes


AtOnce = Callable[[Scope, bytes], Answer | None]
"""Answers a request whose body is all there, without a wait; None where it takes one: then the
application is called with the same scope."""


def lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
