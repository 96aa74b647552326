"""A process that asks for the lowest priority has it."""

import os
import subprocess
import sys

import pytest

from retain.priority import nicely

_TELLS = "import os; from retain.priority import lowest; {before}lowest(); print({what})"


def _told(what: str, before: str = "") -> str:
    command = [sys.executable, "-c", _TELLS.format(what=what, before=before)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_its_niceness_is_the_highest() -> None:
    assert _told("os.nice(0)") == "19"


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no SCHED_IDLE")
def test_it_runs_when_nobody_else_does() -> None:
    assert _told("os.sched_getscheduler(0) == os.SCHED_IDLE") == "True"


def test_where_the_system_refuses_it_is_as_nice_as_can_be() -> None:
    refusing = "os.sched_setscheduler = lambda *_: (_ for _ in ()).throw(PermissionError('no')); "
    assert _told("os.nice(0)", refusing) == "19"


def test_a_command_is_as_nice_as_can_be_from_its_start() -> None:
    command = nicely([sys.executable, "-c", "import os; print(os.nice(0))"])
    assert subprocess.run(command, check=True, capture_output=True).stdout.strip() == b"19"


def test_a_command_is_as_it_was_where_there_is_no_such_tool(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert nicely(["one", "two"]) == ["one", "two"]
