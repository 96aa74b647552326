"""Starting a server: what the process that becomes BentoML is given."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from retain import settings
from services import server


def started(home: Path, workers: int | None = None) -> dict[str, str]:
    """The environment of the process that a start becomes."""
    with patch.dict(os.environ), patch.object(os, "execv"):
        (home / "bentoml" / "models").mkdir(parents=True, exist_ok=True)
        (home / "retain.db").touch()
        server.serve(settings.load({}, home=home), workers=workers)
        return dict(os.environ)


def bentoml_home(home: Path) -> Path:
    return Path(started(home)["BENTOML_HOME"])


def test_two_servers_of_one_home_have_a_metrics_folder_each(tmp_path):
    first, second = bentoml_home(tmp_path), bentoml_home(tmp_path)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert {first.parent, second.parent} == {tmp_path / "run"}


def test_the_folder_stays_in_use_when_the_process_becomes_another_program(tmp_path):
    folder = bentoml_home(tmp_path)
    open_files = {int(one.name): one.resolve() for one in Path("/proc/self/fd").iterdir()}
    (held,) = [number for number, path in open_files.items() if path == folder]
    assert os.get_inheritable(held)


def test_workers_are_as_many_as_the_command_says_or_else_the_environment(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    assert started(tmp_path)["RETAIN_WORKERS"] == str(server.workers_here())
    monkeypatch.setenv("RETAIN_WORKERS", "3")
    assert started(tmp_path)["RETAIN_WORKERS"] == "3"
    assert started(tmp_path, workers=4)["RETAIN_WORKERS"] == "4"
    assert started(tmp_path, workers=4)["RETAIN_RATE_SHARED_BY"] == "4"
