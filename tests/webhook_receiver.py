"""A real HTTP server that receives webhooks and answers what a test says, one answer after another."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROP = "drop"
SLOW = "slow"
DRIP = "drip"


@dataclass
class Received:
    """One request: when, its headers (lower case) and its body."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and what is answered next: a status, DROP, SLOW, DRIP, or (status, headers)."""

    url: str
    answers: list[Any] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    always: Any = 200

    def next(self) -> Any:
        return self.answers.pop(0) if self.answers else self.always


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port until the block ends."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(time.time(), self.path, headers, body))
            self._answer(receiver.next())

        def _answer(self, told: Any) -> None:
            if told == DROP:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if told == SLOW:
                released.wait(20)
                return
            if told == DRIP:
                self.wfile.write(b"HTTP/1.1 ")
                while not released.wait(0.02):
                    try:
                        self.wfile.write(b" ")
                        self.wfile.flush()
                    except OSError:
                        return
                return
            status, headers = told if isinstance(told, tuple) else (told, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hooks?from=retain")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        released.set()
        server.shutdown()
        server.server_close()
