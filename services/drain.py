"""Ending without losing what is in flight."""

import asyncio
import logging
import signal
from collections.abc import Callable
from types import FrameType

STOPPED_WITHIN_SECONDS = 40.0
"""Longer than any request is worked on, with all that is written at the end."""
log = logging.getLogger("retain.service")


def at_termination(begin: Callable[[], None], seconds: float) -> None:
    """When told to end (SIGTERM), call ``begin``, and end ``seconds`` later.

    The server behind closes idle connections at once, and a request that is just on its way on
    one of them is lost. Meanwhile everything is answered, and every answer closes its connection,
    so that there are none left; who finds out late that there is another server is served too.
    Called in the main thread, by the event loop.
    """
    end = signal.getsignal(signal.SIGTERM)
    if not callable(end):
        return
    loop = asyncio.get_running_loop()
    told = False

    def terminate(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            return
        told = True
        log.info("told to end: answering for %g s more", seconds)
        begin()
        loop.call_soon_threadsafe(loop.call_later, seconds, end, signum, frame)

    signal.signal(signal.SIGTERM, terminate)
