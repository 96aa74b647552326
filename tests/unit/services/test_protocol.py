"""What is said on a connection by who understands no request, over real sockets."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services import protocol
from services.gate.backlog import Backlog
from services.gate.gate import Gate
from services.gate.lane import Lane
from services.gate.places import Place, Places
from services.protocol import Protocol

MOST = 100_000


async def echo(_scope, receive, send) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def listening() -> Iterator[tuple[str, int]]:
    place = Place("/", Lane("one", most=None, seconds=60.0), MOST, ())
    gate = Gate(echo, places=Places([], place), backlog=Backlog(), record=lambda *_: None)
    config = uvicorn.Config(gate, http=Protocol, lifespan="off", log_config=None)
    server, socket_ = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=asyncio.run, args=(server.serve([socket_]),))
    thread.start()
    try:
        yield socket_.getsockname()
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def place() -> Iterator[tuple[str, int]]:
    with listening() as found:
        yield found


def heard(connection: socket.socket) -> bytes:
    """Everything that is said until the other side has nothing more to say."""
    connection.settimeout(20)
    said = b""
    while part := connection.recv(65_536):
        said += part
    return said


def is_answered(connection: socket.socket) -> bool:
    connection.settimeout(20)
    said = b""
    while not said.endswith(b"ok"):
        said += connection.recv(65_536)
    return said.startswith(b"HTTP/1.1 200")


def problem(said: bytes, status: int) -> dict:
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert b"close" in head.lower()
    assert json.loads(body)["status"] == status
    return json.loads(body)


def asked(place: tuple[str, int], said: bytes) -> bytes:
    with socket.create_connection(place) as connection:
        connection.sendall(said)
        return heard(connection)


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_a_problem(place, said) -> None:
    assert problem(asked(place, said), 400)["type"] == "urn:retain:problem:malformed-request"


def test_a_request_is_answered_and_another_one_on_the_same_connection(place) -> None:
    with socket.create_connection(place) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert is_answered(connection)


def test_a_head_that_does_not_end_is_read_no_further_than_it_may_be_long(place) -> None:
    said = b"GET / HTTP/1.1\r\nx: " + b"a" * 200_000
    assert problem(asked(place, said), 431)["type"] == "urn:retain:problem:headers-too-large"


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nhost:"])
def test_who_sends_no_head_in_time_is_cut_off(monkeypatch, place, said) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    assert problem(asked(place, said), 408)


def test_a_request_that_takes_longer_than_its_head_may_is_not_cut_off(monkeypatch, place) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    with socket.create_connection(place) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\na")
        threading.Event().wait(0.3)
        connection.sendall(b"b")
        assert is_answered(connection)


def test_more_connections_than_are_taken_are_told_so(monkeypatch, place) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 1)
    with socket.create_connection(place) as first:
        first.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert is_answered(first)
        assert problem(asked(place, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"), 503)["retry_after_ms"]
        first.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert is_answered(first)


@pytest.mark.parametrize("told", [b"content-length: 4000000", b"transfer-encoding: chunked"])
def test_a_body_that_is_too_large_is_refused_where_its_caller_can_hear_it(place, told) -> None:
    head = b"POST / HTTP/1.1\r\nconnection: close\r\n" + told + b"\r\n\r\n"
    body = b"a" * 4_000_000
    if b"chunked" in told:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert problem(asked(place, head + body), 413)


def test_the_server_still_has_what_is_changed_of_it() -> None:
    """Its names are no interface: a new version may have others."""
    assert uvicorn.config.HTTP_PROTOCOLS["auto"]
    changed = {"connection_made", "connection_lost", "data_received", "send_400_response"}
    assert changed | {"_unset_keepalive_if_required"} <= vars(HttpToolsProtocol).keys()


def test_a_next_request_that_came_with_the_end_of_a_long_one_leaves_its_answer_be(place) -> None:
    long = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\n" + b"a" * 90_000
    with socket.create_connection(place) as connection:
        connection.sendall(long + b"GET / HTTP/1.1\r\nhost:")
        assert is_answered(connection)
        connection.sendall(b" a\r\n\r\n")
        assert is_answered(connection)


def test_bytes_that_begin_no_request_keep_nothing_open(monkeypatch, place) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with socket.create_connection(place) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert is_answered(connection)
        connection.sendall(b"\r\n")
        assert heard(connection) == b""


def test_nobody_is_handed_to_a_protocol_that_is_not_ours(monkeypatch) -> None:
    from uvicorn import config

    monkeypatch.setitem(config.HTTP_PROTOCOLS, "auto", "")
    monkeypatch.setitem(config.WS_PROTOCOLS, "auto", "")
    protocol.install()
    made = uvicorn.Config(echo, lifespan="off", log_config=None)
    made.load()
    assert made.http_protocol_class is Protocol
    assert made.ws_protocol_class is None
