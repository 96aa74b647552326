"""HTTP/1.1 over a few kept connections: just enough of a client to leave the cores alone."""

import asyncio
from collections import deque
from typing import cast


class Lost(Exception):
    """The connection ended before the answer was whole."""


class _Connection(asyncio.Protocol):
    """One request at a time; the answer must say its length."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        end = head_end + 4 + length
        if len(self._received) < end or self.answer is None:
            return
        body, self._received = self._received[head_end + 4 : end], b""
        answer, self.answer = self.answer, None
        if not answer.done():
            answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(Lost(str(exc)))


class Connections:
    """A pool of connections to one service; a request waits for a free one."""

    def __init__(self, host: str, port: int, size: int) -> None:
        self._host, self._port = host, port
        self._free: deque[_Connection] = deque()
        self._places = asyncio.Semaphore(size)

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of ``POST path``.

        Raises:
            Lost: the connection broke; whether the request was carried out is not known.
            OSError: nobody listens.
        """
        head = (
            f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return await self._ask(head.encode() + body)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of ``GET path``; raises as :meth:`post`."""
        return await self._ask(f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        async with self._places:
            while self._free and self._free[-1].transport is None:
                self._free.pop()
            connection = self._free.pop() if self._free else await self._connect()
            if connection.transport is None:
                raise Lost("closed")
            connection.answer = asyncio.get_running_loop().create_future()
            answer = connection.answer
            connection.transport.write(request)
            found = await answer
            self._free.append(connection)
            return found

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port)
        return connection

    def close(self) -> None:
        """End every idle connection."""
        for connection in self._free:
            if connection.transport is not None:
                connection.transport.close()
        self._free.clear()
