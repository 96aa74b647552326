"""Models that went bad, and parents that were killed: what becomes of a service, on real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retain import manifest
from retain.clock import iso
from retain.database import connect
from retain.ledger import Ledger
from retain.settings import Settings
from tests.redis_server import free_port
from tests.served import children, clean_environment, served, worker_of
from tests.tiny_home import AS_OF, make_home

SERVE = [sys.executable, "-m", "services", "--workers", "1"]
ENDED_WITHIN_SECONDS = 120


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return make_home(tmp_path / "home", customers=20)


@pytest.fixture
def environment(home: Settings) -> dict[str, str]:
    return clean_environment(RETAIN_HOME=str(home.home), RETAIN_AS_OF=iso(AS_OF))


def churn_of(home: Settings) -> Path:
    [folder] = (home.bentoml_home / "models" / "retain-churn").iterdir()
    return folder


def test_a_running_service_keeps_its_models_and_ends_with_one_reason_where_it_must_load_bad_ones(
    home: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    with served(SERVE, tmp_path, environment) as service:
        customer = {"customer_id": "C0000001"}
        before = service.ask("/predict", customer)[1]["churn"]["probability"]
        text = churn_of(home) / "model.txt"
        text.write_bytes(text.read_bytes()[:-100])
        status, answer = service.ask("/predict", customer)
        assert (status, answer["churn"]["probability"]) == (200, before)
        assert service.ask("/readyz")[0] == 200
        os.kill(worker_of(service), signal.SIGKILL)
        assert service.process.wait(ENDED_WITHIN_SECONDS) == 1
        assert service.log.read_text().count("retain: model.txt of churn:") == 1
        assert "Traceback" not in service.log.read_text()


def test_a_sealed_model_that_kills_its_loader_is_refused_and_not_tried_for_ever(
    home: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = churn_of(home)
    text, sound = folder / "model.txt", manifest.read(folder)
    text.write_text(text.read_text().replace("split_feature=", "split_feature=9", 1))
    sealed = manifest.seal(folder, sound)
    folder.rename(folder.with_name(sealed.version))
    ledger = Ledger(connect(home.database_url))
    ledger.promote("churn", sealed.version, by="tests", reason="bad", evidence={})
    done = subprocess.run(
        [*SERVE, "--port", str(free_port())],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=ENDED_WITHIN_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("does not load") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_killed_supervisor_leaves_nothing_running(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with served(SERVE, tmp_path, environment) as service:
        worker = worker_of(service)
        left = [worker, *children(worker)]
        assert len(left) > 1
        service.process.kill()
        until = time.monotonic() + ENDED_WITHIN_SECONDS
        while time.monotonic() < until and any(Path(f"/proc/{one}").exists() for one in left):
            time.sleep(0.05)
        assert not any(Path(f"/proc/{one}").exists() for one in left)
