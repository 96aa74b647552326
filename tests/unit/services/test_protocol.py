"""What is said on a connection by who understands no request, over real sockets."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services import protocol
from services.arrivals import Arrivals
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
def listening(gate: Gate | None = None, keeps: float = 5) -> Iterator[tuple[str, int]]:
    place = Place("/", Lane("one", most=None, seconds=60.0), MOST, ())
    gate = gate or Gate(echo, places=Places([], place), backlog=Backlog(), record=lambda *_: None)
    config = uvicorn.Config(gate, http=Protocol, lifespan="off", log_config=None)
    config.timeout_keep_alive = keeps  # type: ignore[assignment]
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


def test_what_is_refused_without_a_request_is_counted(monkeypatch, place) -> None:
    told: list[tuple] = []
    monkeypatch.setattr(Protocol, "record", staticmethod(lambda *one: told.append(one)))
    asked(place, b"\x16\x03\x01\x02\x00\x01")
    monkeypatch.setattr(protocol, "most_connections", lambda: 0)
    with socket.create_connection(place) as connection:
        heard(connection)
    assert told == [("connection", 400, 0.0), ("connection", 503, 0.0)]


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


def test_servers_that_are_made_so_let_in_together_who_waits(monkeypatch) -> None:
    plain = getattr(uvicorn.Server.startup, "__wrapped__", uvicorn.Server.startup)
    monkeypatch.setattr(uvicorn.Server, "startup", plain)
    protocol.install()
    protocol.install()
    assert uvicorn.Server.startup.__wrapped__ is plain
    looks = []
    monkeypatch.setattr(Arrivals, "look", lambda _: looks.append(1))
    with listening() as place, socket.create_connection(place) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert is_answered(connection)
    assert len(looks) == 1


LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def answers_of(connection: socket.socket, many: int) -> list[tuple[bytes, bytes]]:
    """So many answers, each with its head."""
    connection.settimeout(20)
    said, found = b"", []
    while len(found) < many:
        head, end, rest = said.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and length is not None and len(rest) >= int(length[1]):
            found.append((head, rest[: int(length[1])]))
            said = rest[int(length[1]) :]
        else:
            part = connection.recv(65_536)
            assert part, "the connection was closed"
            said += part
    return found


def posted(body: bytes, *more: bytes, path: bytes = b"/hot") -> bytes:
    said = (b"host: a", b"content-length: %d" % len(body), *more)
    return b"POST %b HTTP/1.1\r\n" % path + b"".join(one + b"\r\n" for one in said) + b"\r\n" + body


@dataclass
class Hot:
    """A place whose whole requests are answered at once, but for those that say ``later``."""

    address: tuple[str, int]
    gate: Gate
    heard: list[bytes]
    recorded: list[tuple[str, int]]

    def counted(self, many: int) -> list[tuple[str, int]]:
        """What was recorded, once so many requests are over."""
        for _ in range(200):
            if len(self.recorded) >= many:
                break
            threading.Event().wait(0.02)
        return self.recorded


@pytest.fixture
def hot(monkeypatch) -> Iterator[Hot]:
    heard: list[bytes] = []
    recorded: list[tuple[str, int]] = []

    def whole(_scope, body: bytes) -> tuple[bytes, bytes] | None:
        heard.append(body)
        if body == b"broken":
            raise RuntimeError("no")
        return None if body.startswith(b"later") else (b"content-type: text/plain\r\n", body)

    place = Place("/hot", Lane("one", most=1, seconds=60.0), MOST, ((b"x-own", b"1"),))
    gate = Gate(
        echo,
        places=Places([("POST", place)], place),
        backlog=Backlog(),
        record=lambda route, status, _: recorded.append((route, status)),
        whole=whole,
    )
    monkeypatch.setattr(Protocol, "hot", (b"/hot", gate.at_once))
    with listening(gate) as address:
        yield Hot(address, gate, heard, recorded)


def test_a_whole_request_is_answered_at_once_and_counted_once(hot) -> None:
    with socket.create_connection(hot.address) as connection:
        for body in (b"one", b"two"):
            connection.sendall(posted(body, b"x-request-id: mine"))
            [(head, answer)] = answers_of(connection, 1)
            assert answer == body
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            for said in (b"date: ", b"x-own: 1", b"x-request-id: mine", b"text/plain"):
                assert said in head
    assert hot.counted(2) == [("/hot", 200)] * 2


def test_what_takes_longer_is_a_request_like_any_other_and_let_in_once(hot) -> None:
    with socket.create_connection(hot.address) as connection:
        for _ in range(3):
            connection.sendall(posted(b"later"))
            [(head, answer)] = answers_of(connection, 1)
            assert answer == b"ok"
            assert b"x-own: 1" in head
    assert hot.counted(3) == [("/hot", 200)] * 3


@pytest.mark.parametrize("cut", range(1, 58, 4))
def test_a_request_in_two_pieces_is_answered_as_well(hot, cut) -> None:
    said = posted(b"in pieces")
    with socket.create_connection(hot.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(said[:cut])
        threading.Event().wait(0.02)
        connection.sendall(said[cut:])
        [(_, answer)] = answers_of(connection, 1)
    # where its body had begun to come it is nobody's to answer at once
    begun = cut > said.index(b"\r\n\r\n") + 4
    assert answer == (b"ok" if begun else b"in pieces")


@pytest.mark.parametrize("body", [b"whole", b"later"])
def test_what_stands_behind_a_body_is_no_header(hot, body) -> None:
    sent = b"%x\r\n%b\r\n0\r\nx-request-id: behind\r\n\r\n" % (len(body), body)
    said = b"POST /hot HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + sent
    with socket.create_connection(hot.address) as connection:
        for _ in range(2):
            connection.sendall(said)
            [(head, answer)] = answers_of(connection, 1)
            assert answer == (b"whole" if body == b"whole" else b"ok")
            assert b"x-request-id" in head
            assert b"behind" not in head


@pytest.mark.parametrize("path", [b"/hot", b"/"])
def test_who_hangs_up_in_the_middle_of_a_body_is_no_failure_of_ours(hot, path) -> None:
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"whole", path=path)[:-1])
    [(_, status)] = hot.counted(1)
    assert status == 499


@pytest.mark.parametrize("size", [b"zz", b"-1", b"f" * 18])
@pytest.mark.parametrize("path", [b"/hot", b"/"])
def test_a_chunk_that_is_none_is_a_problem(hot, path, size) -> None:
    head = b"POST %b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" % path
    with socket.create_connection(hot.address) as connection:
        connection.sendall(head)
        threading.Event().wait(0.1)
        connection.sendall(size + b"\r\nabc\r\n0\r\n\r\n")
        assert problem(heard(connection), 400)["type"] == "urn:retain:problem:malformed-request"


def test_half_a_body_takes_nobodys_place(hot) -> None:
    said = posted(b"later, and in two pieces")
    with (
        socket.create_connection(hot.address) as slow,
        socket.create_connection(hot.address) as one,
    ):
        slow.sendall(said[:-1])
        threading.Event().wait(0.1)
        # there is one place
        one.sendall(posted(b"later"))
        assert answers_of(one, 1)[0][1] == b"ok"
        slow.sendall(said[-1:])
        assert answers_of(slow, 1)[0][1] == b"ok"
    assert hot.counted(2) == [("/hot", 200)] * 2


def test_requests_that_come_together_are_answered_in_their_order(hot) -> None:
    bodies = [b"a", b"later", b"c", b"d", b"later", b"f"]
    with socket.create_connection(hot.address) as connection:
        connection.sendall(b"".join(map(posted, bodies)))
        answers = [answer for _, answer in answers_of(connection, len(bodies))]
    # behind one that takes longer nothing is answered before it, and then as it was begun
    assert answers == [b"a", *[b"ok"] * 5]
    assert hot.counted(6) == [("/hot", 200)] * 6


@pytest.mark.parametrize(
    "said",
    [
        posted(b"x", b"connection: close"),
        posted(b"x", b"expect: 100-continue"),
        posted(b"x", path=b"/hot?a=1"),
        posted(b"x").replace(b"POST", b"PUT"),
        posted(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_a_request_that_is_out_of_the_ordinary_is_one_like_any_other(hot, said) -> None:
    with socket.create_connection(hot.address) as connection:
        connection.sendall(said)
        heard_ = b""
        while not heard_.endswith(b"ok"):
            heard_ += connection.recv(65_536)
    assert hot.heard == []


def test_of_requests_that_come_together_only_the_first_is_answered_at_once(hot) -> None:
    bodies = [b"a", b"b", b"c"]
    with socket.create_connection(hot.address) as connection:
        connection.sendall(b"".join(map(posted, bodies)))
        assert [answer for _, answer in answers_of(connection, 3)] == [b"a", b"ok", b"ok"]
    assert hot.heard == [b"a"]


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nZZ\r\n",
        b"Transfer-Encoding: gzip\r\n\r\nok",
    ],
)
def test_what_breaks_behind_a_whole_head_is_a_problem_as_well(hot, rest) -> None:
    said = asked(hot.address, b"POST /hot HTTP/1.1\r\nhost: a\r\n" + rest)
    assert problem(said, 400)["type"] == "urn:retain:problem:malformed-request"
    assert hot.heard == []


def test_a_request_behind_one_answered_at_once_has_all_the_time_it_takes(monkeypatch) -> None:
    async def slow(scope, receive, send) -> None:
        await asyncio.sleep(0.5)
        await echo(scope, receive, send)

    place = Place("/hot", Lane("one", most=2, seconds=60.0), MOST, ())
    gate = Gate(
        slow,
        places=Places([("POST", place)], place),
        backlog=Backlog(),
        record=lambda *_: None,
        whole=lambda _scope, body: (b"", body),
    )
    monkeypatch.setattr(Protocol, "hot", (b"/hot", gate.at_once))
    with listening(gate, keeps=0.1) as address, socket.create_connection(address) as connection:
        connection.sendall(posted(b"one") + posted(b"two", path=b"/other"))
        assert [answer for _, answer in answers_of(connection, 2)] == [b"one", b"ok"]


def test_an_error_in_an_answer_at_once_is_a_problem_and_the_connection_goes_on(hot) -> None:
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"broken"))
        [(head, answer)] = answers_of(connection, 1)
        assert head.startswith(b"HTTP/1.1 500 ")
        assert b"application/problem+json" in head
        assert json.loads(answer)["status"] == 500
        connection.sendall(posted(b"again"))
        assert answers_of(connection, 1)[0][1] == b"again"
    assert hot.counted(2) == [("/hot", 500), ("/hot", 200)]


def test_who_is_refused_is_told_at_once(hot) -> None:
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"x" * (MOST + 1))[: MOST // 2])
        threading.Event().wait(0.05)
        connection.sendall(posted(b"x" * (MOST + 1))[MOST // 2 :])
        assert answers_of(connection, 1)[0][0].startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"x", b"x-request-timeout-ms: soon"))
        head, answer = answers_of(connection, 1)[0]
        assert head.startswith(b"HTTP/1.1 422 ")
        assert json.loads(answer)["field"] == "X-Request-Timeout-Ms"


def test_while_it_drains_every_answer_closes_its_connection(hot) -> None:
    hot.gate.drain()
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"x"))
        assert b"connection: close" in heard(connection)


def test_who_was_answered_at_once_and_sends_only_bytes_is_cut_off(monkeypatch, hot) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with socket.create_connection(hot.address) as connection:
        connection.sendall(posted(b"x"))
        assert answers_of(connection, 1)
        connection.sendall(b"\r\n")
        assert heard(connection) == b""


def test_the_time_that_is_measured_holds_the_wait_for_those_before(monkeypatch) -> None:
    """Requests that one turn of the loop finds ready are answered one after the other."""
    seconds: list[float] = []
    place = Place("/hot", Lane("one", most=None, seconds=60.0), MOST, ())

    def slow(_scope, body: bytes) -> tuple[bytes, bytes]:
        threading.Event().wait(0.05)
        return b"", body

    gate = Gate(
        echo,
        places=Places([("POST", place)], place),
        backlog=Backlog(),
        record=lambda _route, _status, took: seconds.append(took),
        whole=slow,
    )
    monkeypatch.setattr(Protocol, "hot", (b"/hot", gate.at_once))
    with listening(gate) as address:
        connections = [socket.create_connection(address) for _ in range(6)]
        answers_of_all(connections)
        seconds.clear()
        answers_of_all(connections)
    assert max(seconds) > 0.2


def answers_of_all(connections: list[socket.socket]) -> None:
    for one in connections:
        one.sendall(posted(b"a"))
    for one in connections:
        answers_of(one, 1)
