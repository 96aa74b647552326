"""A service in a process of its own, for end-to-end tests."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

READY_WITHIN_SECONDS = 180
STOPPED_WITHIN_SECONDS = 30


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without anything that leads back to the checkout."""
    leading = ("PYTHONPATH", "VIRTUAL_ENV", "RETAIN_", "BENTOML_", "PYTEST_")
    kept = {name: v for name, v in os.environ.items() if not name.startswith(leading)}
    return {**kept, "BENTOML_DO_NOT_TRACK": "True", **extra}


@dataclass
class Served:
    """A running service: asked over HTTP, stopped by a signal."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Status and JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, data=data), timeout=30) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN_SECONDS)

    def wait_until_ready(self) -> None:
        """Return once ``/readyz`` says yes."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except (URLError, OSError):
                time.sleep(0.3)
        raise AssertionError(f"the service did not get ready:\n{self.log.read_text()}")


@contextmanager
def served(
    command: Sequence[str | Path], folder: Path, environment: dict[str, str]
) -> Iterator[Served]:
    """``command`` with a free port added, run in ``folder`` until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    service = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        service.wait_until_ready()
        yield service
    finally:
        if process.poll() is None:
            service.stop()


def children(process: int) -> list[int]:
    """The processes that a process started, in any of its threads."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text().split()]
    return found


def worker_of(service: Served) -> int:
    """The one worker of a service."""
    (worker,) = [
        one
        for one in children(service.process.pid)
        if b"worker.service" in Path(f"/proc/{one}/cmdline").read_bytes()
    ]
    return worker
