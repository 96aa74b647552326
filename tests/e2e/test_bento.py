"""The Bento alone: built, installed from its own requirements, served far from the checkout."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from retain.clock import iso
from tests.served import clean_environment, served
from tests.tiny_home import AS_OF, make_home

PROJECT = Path(__file__).resolve().parents[2]
TRAINING_STACK = {"scikit-learn", "locust", "hypothesis", "ruff", "import-linter"}


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
def service(bento: Path, python: Path, tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("home"))
    environment = clean_environment(
        RETAIN_HOME=str(home.home),
        RETAIN_AS_OF=iso(AS_OF),
        BENTOML_HOME=str(home.bentoml_home),
        # bentoml serve does not say where it listens
        RETAIN_API_KEYS="off",
    )
    command = [python, "-m", "bentoml", "serve", bento, "--host", "127.0.0.1"]
    with served(command, tmp_path_factory.mktemp("elsewhere"), environment) as running:
        yield running


def test_the_bento_asks_for_no_training_stack(bento) -> None:
    text = (bento / "env" / "python" / "requirements.txt").read_text("utf-8")
    asked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))
    assert {"bentoml", "lightgbm", "feast"} <= asked
    assert asked & TRAINING_STACK == set()
    assert "--hash=sha256:" in text


def test_the_bento_holds_its_rooms_and_no_others(bento) -> None:
    rooms = {path.name for path in (bento / "src").iterdir() if path.is_dir()}
    assert rooms == {"retain", "feature_repo", "services", "config"}


def test_the_bento_is_ready_and_predicts(service) -> None:
    assert service.ask("/readyz")[1]["status"] == "ready"
    status, answer = service.ask("/predict", {"customer_ids": ["C0000002", "C0000003"]})
    assert status == 200
    assert [one["customer_id"] for one in answer["predictions"]] == ["C0000002", "C0000003"]
    assert all(one["churn"]["probability"] is not None for one in answer["predictions"])


def test_the_bento_answers_errors_as_problems(service) -> None:
    status, answer = service.ask("/predict", {"customer_id": "nobody"})
    assert (status, answer["type"]) == (404, "urn:retain:problem:unknown-customer")
    assert service.ask("/schema.json")[1]["type"] == "urn:retain:problem:no-such-path"


def test_the_bento_publishes_our_document(service) -> None:
    status, document = service.ask("/docs.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert "/predict" in document["paths"]
