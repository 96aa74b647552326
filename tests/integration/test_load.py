"""`scripts/load` against services that are pretended: what it lets pass, and what it does not."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.served import children

ROOT = Path(__file__).resolve().parents[2]
LOCUST = [sys.executable, "-m", "locust", "--headless", "--only-summary"]


class Pretended(ThreadingHTTPServer):
    """A service that says ok for ``seconds``, and then nothing at all.

    ``odd`` are other answers, by path: a status and a body.
    """

    daemon_threads = True

    def __init__(self, seconds: float, odd: dict[str, tuple[int, str]] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.until = time.monotonic() + seconds
        self.odd = odd or {}
        self.asked: list[tuple[str, dict]] = []


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Pretended

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, body))
        if time.monotonic() > self.server.until:
            time.sleep(60)
        usual = json.dumps({"as_of": datetime.now(UTC).isoformat(), "actions": []})
        status, text = self.server.odd.get(self.path, (200, usual))
        told = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(seconds: float, odd: dict[str, tuple[int, str]] | None = None) -> Iterator[Pretended]:
    server = Pretended(seconds, odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def load(tmp_path_factory) -> Callable[..., subprocess.CompletedProcess[str]]:
    customers = tmp_path_factory.mktemp("load") / "customers.txt"
    customers.write_text("\n".join(f"c{number}" for number in range(2_000)), "utf-8")

    def run(port: int, *more: str, kind: str = "PageView"):
        where = ["-f", "loadtests/locustfile.py", "--host", f"http://127.0.0.1:{port}"]
        return subprocess.run(
            [*LOCUST, *where, "--customers", str(customers), kind, *more],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


SHORT = ("--users", "2", "--spawn-rate", "2", "--run-time", "3s")


def test_a_service_that_answers_keeps_its_limits(load) -> None:
    with serving(60) as server:
        run = load(server.server_port, *SHORT, "--min-rps", "5", "--max-p99-ms", "2000")
    assert "all limits were kept" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 0


def test_a_service_that_hangs_is_not_let_pass(load) -> None:
    lenient = ("--max-error-ratio", "1", "--stop-timeout", "6")
    limits = ("--max-p99-ms", "/predict=60000", "--min-rps", "20")
    with serving(3) as server:
        run = load(server.server_port, *SHORT[:4], "--run-time", "9s", *lenient, *limits)
    # by the last answer it would have been fast enough
    assert "successful requests a second; at least 20.0" in run.stdout, run.stdout + run.stderr
    assert "NotAnsweredAtTheEnd" in run.stdout + run.stderr
    assert run.returncode == 1


@pytest.mark.parametrize(
    ("kind", "path", "answer", "said"),
    [
        ("PageView", "/rank", (502, "<html>Bad Gateway</html>"), "502 no JSON"),
        ("PageView", "/rank", (200, '{"actions": ['), "200 no JSON"),
        ("PageView", "/rank", (200, '{"decision_id": "d"}'), "a scenario broke off"),
        (
            "EventStream",
            "/events",
            (207, '{"results": [{"status": "accepted"}, {"status": "rejected", "reason": "r"}]}'),
            "1 of 2 rejected: r",
        ),
        (
            "Campaign",
            "/predict",
            (200, '{"predictions": [{"customer_id": "c", "status": "unavailable"}]}'),
            "1 of 1 unavailable",
        ),
    ],
)
def test_an_answer_that_is_none_is_not_let_pass(load, kind, path, answer, said) -> None:
    more = ("--users", "4", "--spawn-rate", "4", "--run-time", "5s")
    with serving(60, {path: answer}) as server:
        run = load(server.server_port, *more, kind=kind)
    assert said in run.stdout + run.stderr
    assert "MISSED" in run.stdout
    assert run.returncode == 1


def is_locust(process: int) -> bool:
    return b"locust" in Path(f"/proc/{process}/cmdline").read_bytes()


def test_a_process_that_makes_load_and_is_lost_is_not_let_pass(load) -> None:
    def kill_one(server: Pretended) -> None:
        while not server.asked:
            time.sleep(0.1)
        time.sleep(1.0)
        [leader] = [one for one in children(os.getpid()) if is_locust(one)]
        [maker, *_] = [one for one in children(leader) if is_locust(one)]
        os.kill(maker, signal.SIGKILL)

    with serving(60) as server:
        killer = threading.Thread(target=kill_one, args=(server,), daemon=True)
        killer.start()
        run = load(server.server_port, *SHORT[:4], "--run-time", "12s", "--processes", "2")
        killer.join()
    assert "1 of 2 processes that made load were lost" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 1


def test_a_service_that_is_not_there_is_not_let_pass(load) -> None:
    run = load(9, *SHORT, "--max-error-ratio", "1")
    assert "no request succeeded" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 1


@pytest.mark.parametrize(
    "limit",
    [
        ("--max-p99-ms", "nan"),
        ("--max-p99-ms", "/predict=inf"),
        ("--max-p99-ms", "fast"),
        ("--min-rps", "nan"),
        ("--min-rps", "-1"),
        ("--max-error-ratio", "1.5"),
    ],
)
def test_what_is_no_limit_is_refused(load, limit) -> None:
    run = load(9, *SHORT, *limit)
    assert run.returncode == 2
    assert limit[0] in run.stderr


def test_events_are_told_with_the_time_the_service_has_now(load) -> None:
    long = ("--users", "1", "--spawn-rate", "1", "--run-time", "12s")
    with serving(60) as server:
        load(server.server_port, *long, "--tags", "events", kind="EventStream")
        told = [body["events"][0]["timestamp"] for path, body in server.asked if path == "/events"]
    times = [datetime.fromisoformat(one) for one in told]
    assert (times[-1] - times[0]).total_seconds() > 4


@pytest.mark.parametrize("wrong", [("--users", "0"), ("--seconds", "0"), ("--seconds", "-1")])
def test_a_run_of_nobody_or_of_no_time_is_refused(wrong) -> None:
    run = subprocess.run(
        [ROOT / "scripts" / "load", *wrong, "--customers", "/dev/null"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert wrong[1] in run.stderr
