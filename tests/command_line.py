"""The command line as tests speak it: words in; exit code, stdout and stderr out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.main import main


@dataclass(frozen=True)
class Answered:
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def retain(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answered]:
    """The command line as a person meets it: words in; exit code, stdout and stderr out."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Answered:
        monkeypatch.setattr(sys, "argv", ["retain", "--home", str(home), *words])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Answered(int(exit_.value.code or 0), captured.out, captured.err)

    return run
