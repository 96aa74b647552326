"""The first command a newcomer runs, as they run it: a process, a port, a real answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

CUSTOMERS = "1200"
DEADLINE_SECONDS = 900


@dataclass(frozen=True)
class Demo:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict:
        """The JSON shown under the curl."""
        return json.JSONDecoder().raw_decode(self.out[self.out.index("\n{") + 1 :])[0]


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def words(home: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", "demo", "--home", str(home), *more]


def demo(home: Path, *more: str) -> Demo:
    done = subprocess.run(
        words(home, *more), capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    return Demo(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def first(home: Path) -> Demo:
    port = str(a_free_port())
    return demo(home, "--customers", CUSTOMERS, "--port", port, "--exit-after-ready")


def test_from_nothing_to_a_full_answer_for_a_real_customer(first: Demo) -> None:
    assert first.code == 0, first.err
    assert first.answer["churn"]["probability"] is not None
    assert first.answer["next_purchase"]["probability_30d"] is not None
    assert first.answer["ltv"]["value"] is not None


def test_the_answer_comes_with_the_curl_that_gave_it_and_what_to_do_next(first: Demo) -> None:
    assert f'"customer_id": "{first.answer["customer_id"]}"' in first.out
    for shown in ("curl -s http://", "/docs", "/metrics", "retain --home"):
        assert shown in first.out


def test_a_second_run_reuses_what_is_there(first: Demo, home: Path) -> None:
    port = str(a_free_port())
    second = demo(home, "--customers", CUSTOMERS, "--port", port, "--exit-after-ready")
    assert second.code == 0, second.err
    assert "simulate" not in second.err
    assert "train" not in second.err
    assert second.answer["customer_id"] == first.answer["customer_id"]


def test_other_data_does_not_mix_into_the_same_home(first: Demo, home: Path) -> None:
    refused = demo(home, "--customers", "2000", "--no-serve")
    assert refused.code == 1
    assert "other data" in refused.err


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("command", ["doctor", "report", "models list", "models history"])
def test_what_it_says_to_do_next_works(home: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--home", str(home), *command.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def running(first: Demo, home: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    assert first.code == 0, first.err
    port = a_free_port()
    process = subprocess.Popen(
        words(home, "--customers", CUSTOMERS, "--port", str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process, port
    process.kill()
    process.communicate()


def until_it_waits(process: subprocess.Popen) -> None:
    for line in process.stdout:
        if "Ctrl-C stops" in line:
            return
    pytest.fail("the demo ended before it waited")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_the_demo_stops_its_service(
    running: tuple[subprocess.Popen, int], number: signal.Signals
) -> None:
    process, port = running
    until_it_waits(process)
    with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as ready:
        assert ready.status == 200
    process.send_signal(number)
    process.wait(60)
    assert not listens(port)


@pytest.fixture(scope="module")
def restarted(first: Demo, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A demo of one's own file that was killed in its first seconds, and started again."""
    assert first.code == 0, first.err
    own = tmp_path_factory.mktemp("own")
    (own / "shop.parquet").write_bytes((home / "simulated" / "events.parquet").read_bytes())
    data = ("--data", str(own / "shop.parquet"), "--format", "retain")
    process = subprocess.Popen(
        words(own / "home", *data, "--no-serve"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (own / "home" / "demo.json").exists():
        time.sleep(0.05)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return demo(own / "home", *data, "--port", str(a_free_port()), "--exit-after-ready")


def test_a_killed_demo_goes_on_where_it_was(restarted: Demo) -> None:
    assert restarted.code == 0, restarted.err
    assert restarted.answer["ltv"]["value"] is not None


def test_the_clock_of_a_file_is_its_last_event_and_says_so(restarted: Demo) -> None:
    assert (
        f"its clock stands at the data's last event, {restarted.answer['as_of']}" in restarted.out
    )
