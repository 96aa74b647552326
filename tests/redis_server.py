"""A real redis-server of the tests' own, on a free loopback port."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def require_redis() -> None:
    """Skip, saying what is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server (apt-get install redis-server)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis_server(
    folder: Path, port: int | None = None
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The port and the process of a running server; it is stopped at the end."""
    port = port or free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process
    finally:
        process.kill()
        process.wait()
