"""A service as a child process: started, waited for, asked, stopped."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from retain import lifeline
from retain.errors import RetainError, StoreUnavailable

READY_WITHIN_SECONDS = 180
STOP_WITHIN_SECONDS = 20
_HOST = "127.0.0.1"
_LAST_LINES = 15


class ServiceProcess:
    """``retain serve`` for one home; leaving the block stops it."""

    def __init__(self, home: Path, port: int, *, as_of: str | None) -> None:
        self.url = f"http://{_HOST}:{port}"
        self.log = home / "service.log"
        self._command = [sys.executable, "-m", "cli.main", "--home", str(home), "serve"]
        self._command += ["--port", str(port), *(["--as-of", as_of] if as_of else [])]

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                stdout=log,
                stderr=subprocess.STDOUT,
                # nobody would know of a service whose demo was killed; there is one thread here
                preexec_fn=lifeline.end_with_parent,  # noqa: PLW1509
            )
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def wait_until_ready(self) -> None:
        """Return when ``/readyz`` said yes.

        Raises:
            StoreUnavailable: it ended, or was not ready in time.
        """
        began = time.monotonic()
        while time.monotonic() - began < READY_WITHIN_SECONDS:
            if self._process.poll() is not None:
                raise self._failed(f"ended with exit code {self._process.returncode}")
            try:
                with urlopen(f"{self.url}/readyz", timeout=2):  # noqa: S310 - our own http URL
                    return
            except (URLError, OSError):
                time.sleep(0.2)
        raise self._failed(f"was not ready within {READY_WITHIN_SECONDS} s")

    def wait(self) -> int:
        """Wait until the service ends by itself; returns its exit code."""
        return self._process.wait()

    def predict(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The answers of ``POST /predict`` for many customers."""
        body = self._post("/predict", {"customer_ids": list(customer_ids)})
        answers: list[dict[str, Any]] = body["predictions"]
        return answers

    def predict_one(self, customer_id: str) -> dict[str, Any]:
        """The answer of ``POST /predict`` for one customer."""
        return self._post("/predict", {"customer_id": customer_id})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = Request(  # noqa: S310 - our own http URL
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urlopen(request, timeout=60) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
        except HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise self._failed(f"answered {path} with {error.code}: {detail}") from error
        except (URLError, OSError) as error:
            raise self._failed(f"did not answer {path}: {error}") from error
        return answer

    def _failed(self, what: str) -> RetainError:
        lines = self.log.read_text("utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        said = "".join(f"\n    {line}" for line in lines)
        return StoreUnavailable(
            f"the service {what}; its log ends with{said}", remedy=str(self.log)
        )
