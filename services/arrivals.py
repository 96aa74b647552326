"""Who waits to be let in, let in together where the event loop is behind.

libuv takes one connection in a turn of its loop (``uv__server_io``). Where a turn answers hundreds
of requests that is ten connections a second, and a probe waits behind all who came before it.
"""

import asyncio
import socket
from asyncio import AbstractEventLoop, Protocol, Task
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

MOST_AT_ONCE = 64
BEHIND_SECONDS = 0.005
"""Where turns are shorter, every worker of the service takes its share one by one."""


class Arrivals:
    """Takes connections from sockets that a server of ``loop`` listens on, beside that server.

    Args:
        loop: whose turns they wait for.
        listening: the sockets.
        make: makes the protocol of a connection.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        listening: Sequence[socket.socket],
        make: Callable[[], Protocol],
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._make = make
        self._beginning: set[Task[Any]] = set()
        self._turn_began: float | None = None

    def look(self) -> None:
        """Somebody was let in: see whether others have waited a turn of the loop for it."""
        if self._turn_began is None:
            self._turn_began = monotonic()
            self._loop.call_soon(self._wait)

    def _wait(self) -> None:
        """From here on all of a turn lies before :meth:`_take`."""
        self._turn_began = monotonic()
        self._loop.call_soon(self._take)

    def _take(self) -> None:
        began, self._turn_began = self._turn_began or 0.0, None
        if monotonic() - began < BEHIND_SECONDS:
            return
        for one in self._listening:
            # nobody there, no files left, or closed meanwhile: the server itself sees to that
            with suppress(OSError):
                for _ in range(MOST_AT_ONCE):
                    self._begin(one.accept()[0])

    def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        beginning = self._loop.create_task(self._connected(connection))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)

    async def _connected(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, connection)
        except (OSError, asyncio.CancelledError):
            connection.close()
