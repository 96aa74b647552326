"""Who waits to be let in while the event loop is behind: on a real socket and a real loop."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from services.arrivals import BEHIND_SECONDS, MOST_AT_ONCE, Arrivals

MANY = 40


class Let(asyncio.Protocol):
    """Counts who was let in, and answers a byte with a byte."""

    arrivals: Arrivals | None = None
    made: list["Let"]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.made.append(self)
        if self.arrivals is not None:
            self.arrivals.look()

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def run(given: Callable[[socket.socket, Callable[[], Let]], Awaitable[None]]) -> None:
    async def served() -> None:
        kind = type("Kind", (Let,), {"made": [], "arrivals": None})
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
            server = await asyncio.get_running_loop().create_server(kind, sock=listening)
            kind.arrivals = Arrivals(asyncio.get_running_loop(), [listening], kind)
            async with server:
                await given(listening, kind)

    uvloop.run(served())


def connected(listening: socket.socket, many: int) -> list[socket.socket]:
    """So many clients that the system has let in, each with a byte on its way."""
    clients = [socket.create_connection(listening.getsockname()) for _ in range(many)]
    for one in clients:
        one.sendall(b"x")
    return clients


async def turns(many: int, seconds: float) -> None:
    """So many turns of the loop, each of which has so much to do."""
    for _ in range(many):
        time.sleep(seconds)  # noqa: ASYNC251 - to be behind is what is tried
        await asyncio.sleep(0)


def test_a_loop_that_is_behind_lets_in_all_who_wait_within_a_few_turns() -> None:
    async def tried(listening: socket.socket, kind: Any) -> None:
        clients = connected(listening, MANY)
        await turns(12, 2 * BEHIND_SECONDS)
        assert len(kind.made) == MANY <= MOST_AT_ONCE
        for one in clients:
            one.close()

    run(tried)


def test_whoever_was_let_in_so_is_answered() -> None:
    async def tried(listening: socket.socket, kind: Any) -> None:
        clients = connected(listening, MANY)
        await turns(12, 2 * BEHIND_SECONDS)
        for one in clients:
            one.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(one, 1) == b"x"
            one.close()

    run(tried)


def test_a_loop_whose_turns_are_short_leaves_others_to_other_workers(monkeypatch) -> None:
    # also on a machine that is slow
    monkeypatch.setattr("services.arrivals.BEHIND_SECONDS", 60.0)

    async def tried(listening: socket.socket, kind: Any) -> None:
        kind.arrivals._begin = pytest.fail
        clients = connected(listening, MANY)
        await turns(3 * MANY, 0.0)
        assert len(kind.made) == MANY
        for one in clients:
            one.close()

    run(tried)


def test_after_its_sockets_are_closed_nobody_is_let_in_and_nothing_fails() -> None:
    async def tried(listening: socket.socket, kind: Any) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: pytest.fail(str(told)))
        with socket.create_server(("127.0.0.1", 0)) as gone:
            arrivals = Arrivals(loop, [gone], kind)
        arrivals.look()
        await turns(6, 2 * BEHIND_SECONDS)
        assert not kind.made

    run(tried)
