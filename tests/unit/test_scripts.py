"""The command index: every script explains itself and has its line."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(p for p in (PROJECT / "scripts").iterdir() if p.suffix == "" and p.is_file())
LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.name)
def script(request: pytest.FixtureRequest) -> Path:
    return request.param


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], capture_output=True, text=True, check=False)


def test_the_index_lists_every_script_and_nothing_else() -> None:
    index = (PROJECT / "scripts" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `scripts/([\w-]+)` \|", index, flags=re.MULTILINE)
    assert sorted(listed) == [path.name for path in SCRIPTS]


def test_help_names_the_script_and_does_nothing_else(script: Path) -> None:
    answer = run(script, "--help")
    assert answer.returncode == 0
    assert f"scripts/{script.name}" in answer.stdout


def test_a_script_stops_at_its_first_error(script: Path) -> None:
    assert "\nset -euo pipefail\n" in script.read_text("utf-8")


def test_setup_names_the_locks_when_asked_for_another() -> None:
    answer = run(PROJECT / "scripts" / "setup", "nonsense")
    assert answer.returncode == 1
    assert "serving, training, tuning, development" in answer.stderr


def test_setup_refuses_a_python_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIN_PYTHON", "/bin/false")
    answer = run(PROJECT / "scripts" / "setup", "--which")
    assert answer.returncode == 1
    assert "RETAIN_PYTHON=/bin/false" in answer.stderr


def test_a_shim_that_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    answer = run(PROJECT / "scripts" / "setup", "--which")
    assert answer.returncode == 0
    assert str(tmp_path) not in answer.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_names_versions_and_hashes_and_no_hosts(lock: Path) -> None:
    text = lock.read_text("utf-8")
    pins = re.findall(r"^[a-z0-9][\w.-]*==\S+", text, flags=re.MULTILINE)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize(
    ("inner", "outer"),
    [("serving", "training"), ("training", "tuning"), ("tuning", "development")],
)
def test_what_is_tested_is_what_serves(inner: str, outer: str) -> None:
    def pins(name: str) -> set[str]:
        text = (PROJECT / "requirements" / f"{name}.txt").read_text("utf-8")
        return set(re.findall(r"^([a-z0-9][\w.-]*==[^\s;]+)", text, flags=re.MULTILINE))

    assert pins(inner) <= pins(outer)


def test_the_serving_lock_carries_no_training_stack() -> None:
    text = (PROJECT / "requirements" / "serving.txt").read_text("utf-8")
    assert not re.search(r"^(scikit-learn|typer|locust|pytest)==", text, flags=re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_both_pythons_get_the_same_versions(lock: Path) -> None:
    names = re.findall(r"^([a-z0-9][\w.-]*)==", lock.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(names) == sorted(set(names))
