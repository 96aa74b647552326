"""An empty ASGI app mounted in a BentoML service: what the framework costs at its best.

    bentoml serve empty_mount:Empty --working-dir loadtests/peers

The settings are those that were measured to be the fastest there are without patching the
framework: a short timer, and no tracing, metrics or access log.
"""

import gc
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import bentoml

Message = MutableMapping[str, Any]
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
}
_BODY: Message = {"type": "http.response.body", "body": b"{}"}


async def empty(
    scope: Message,
    _receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer ``{}`` without so much as reading the request."""
    if scope["type"] == "http":
        await send(_START)
        await send(_BODY)


@bentoml.asgi_app(empty, path="/")
class _Empty:
    def __init__(self) -> None:
        gc.collect()
        gc.freeze()


Empty: Any = bentoml.service(
    _Empty,
    name="empty",
    traffic={"timeout": 1},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
