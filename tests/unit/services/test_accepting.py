"""Connections are taken in several at a time."""

import asyncio
import socket

import pytest
import uvicorn
import uvloop

from services.accepting import AT_A_TIME, Accepting, install

COMING = 40


async def app(_scope, _receive, _send) -> None:
    raise AssertionError("nobody asks")


def turns_to_accept(server: uvicorn.Server, listening: socket.socket) -> int:
    """In how many turns of the loop all who connected at once are taken in."""

    async def counted() -> int:
        await server.startup([listening])
        clients = [socket.create_connection(listening.getsockname()) for _ in range(COMING)]
        turns = 0
        while len(server.server_state.connections) < COMING:
            turns += 1
            await asyncio.sleep(0)
        for one in clients:
            one.close()
        await server.shutdown([listening])
        return turns

    return uvloop.run(counted())


def made(kind: type[uvicorn.Server]) -> uvicorn.Server:
    server = kind(uvicorn.Config(app, lifespan="off", log_config=None))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    return server


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0), backlog=COMING) as made:
        yield made


def test_many_who_connect_at_once_are_taken_in_within_a_few_turns(listening) -> None:
    server = made(Accepting)
    assert turns_to_accept(server, listening) <= 3 * COMING / AT_A_TIME
    assert len(server.servers) == AT_A_TIME


def test_nobody_is_listened_to_after_the_end(listening) -> None:
    address = listening.getsockname()
    turns_to_accept(made(Accepting), listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_the_framework_makes_such_a_server(monkeypatch) -> None:
    monkeypatch.setattr(uvicorn, "Server", uvicorn.Server)
    install()
    assert uvicorn.Server is Accepting
