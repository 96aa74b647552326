"""The Bento alone: built, installed from its own requirements, served far from the checkout."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.tiny_home import make_home

PROJECT = Path(__file__).resolve().parents[2]
READY_WITHIN_SECONDS = 180
STOPPED_WITHIN_SECONDS = 30
TRAINING_STACK = {"scikit-learn", "locust", "hypothesis", "ruff", "import-linter"}


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without anything that leads back to the checkout."""
    leading = ("PYTHONPATH", "VIRTUAL_ENV", "RETAIN_", "BENTOML_", "PYTEST_")
    kept = {name: v for name, v in os.environ.items() if not name.startswith(leading)}
    return {**kept, "BENTOML_DO_NOT_TRACK": "True", **extra}


@pytest.fixture(scope="module")
def bento(tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("store")
    subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=PROJECT,
        env=clean_environment(BENTOML_HOME=str(store)),
        check=True,
    )
    tags = store / "bentos" / "retain"
    return tags / (tags / "latest").read_text("utf-8").strip()


@pytest.fixture(scope="module")
def python(bento: Path, tmp_path_factory) -> Path:
    """A Python that has what the Bento asks for, and nothing else."""
    venv = tmp_path_factory.mktemp("fresh") / "venv"
    uv = [sys.executable, "-m", "uv"]
    requirements = bento / "env" / "python" / "requirements.txt"
    python = venv / "bin" / "python"
    for command in (
        ["venv", "--quiet", "--python", sys.executable, venv],
        ["pip", "install", "--quiet", "--python", python, "-r", requirements],
    ):
        subprocess.run([*uv, *command], cwd=venv.parent, env=clean_environment(), check=True)
    return python


@pytest.fixture(scope="module")
def url(bento: Path, python: Path, tmp_path_factory):
    """The served Bento's address."""
    home = make_home(tmp_path_factory.mktemp("home"))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = elsewhere / "service.log"
    environment = clean_environment(
        RETAIN_HOME=str(home.home),
        RETAIN_AS_OF=home.as_of.isoformat(),
        BENTOML_HOME=str(home.bentoml_home),
    )
    with log.open("wb") as output:
        server = subprocess.Popen(
            [python, "-m", "bentoml", "serve", bento, "--host", "127.0.0.1", "--port", str(port)],
            cwd=elsewhere,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(STOPPED_WITHIN_SECONDS)


def wait_until_ready(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"the Bento ended with {server.returncode}:\n{log.read_text()}")
        try:
            ask(url, "/readyz")
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"the Bento was not ready in time:\n{log.read_text()}")


def ask(url: str, path: str, body: dict | None = None) -> tuple[int, dict]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url + path, data=data), timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        if path == "/readyz":
            raise
        return error.code, json.load(error)


def test_the_bento_asks_for_no_training_stack(bento) -> None:
    text = (bento / "env" / "python" / "requirements.txt").read_text("utf-8")
    asked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))
    assert {"bentoml", "lightgbm", "feast"} <= asked
    assert asked & TRAINING_STACK == set()
    assert "--hash=sha256:" in text


def test_the_bento_holds_its_rooms_and_no_others(bento) -> None:
    rooms = {path.name for path in (bento / "src").iterdir() if path.is_dir()}
    assert rooms == {"retain", "feature_repo", "services", "config"}


def test_the_bento_is_ready_and_predicts(url) -> None:
    assert ask(url, "/readyz")[1]["status"] == "ready"
    status, answer = ask(url, "/predict", {"customer_ids": ["C0000002", "C0000003"]})
    assert status == 200
    assert [one["customer_id"] for one in answer["predictions"]] == ["C0000002", "C0000003"]
    assert all(one["churn"]["probability"] is not None for one in answer["predictions"])


def test_the_bento_answers_errors_as_problems(url) -> None:
    status, answer = ask(url, "/predict", {"customer_id": "nobody"})
    assert (status, answer["type"]) == (404, "urn:retain:problem:unknown-customer")
    assert ask(url, "/schema.json")[1]["type"] == "urn:retain:problem:no-such-path"


def test_the_bento_publishes_our_document(url) -> None:
    status, document = ask(url, "/docs.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert "/predict" in document["paths"]
