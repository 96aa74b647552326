"""The rest of a request that was refused before it was read."""

import asyncio
from contextlib import suppress

from starlette.types import Receive

MOST_BYTES = 10_000_000
SECONDS = 2.0
AT_ONCE_BYTES = 65_536
"""A body no longer than this has come whole with its head, or nearly so."""


async def read_on(receive: Receive) -> None:
    """Throw away what still comes, up to :data:`MOST_BYTES` and for :data:`SECONDS`.

    A connection that is closed while its caller still sends is reset, and an answer that the
    caller has not read by then is lost.
    """
    left = MOST_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))
