"""What the parent of the workers does where one ends."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.supervisor import MOST_CRASHES, REFUSED, STORE_AWAY, Endings, Reaping


class Process:
    """A worker."""

    def __init__(self, *, alive: bool = True) -> None:
        self._alive = alive

    def is_alive(self) -> bool:
        return self._alive


class Watcher:
    """What the framework's supervisor keeps of its workers."""

    def __init__(self, *others: Process, stopping: bool = False) -> None:
        self.processes = dict(enumerate(others))
        self.numprocesses = len(others) + 1
        self.respawn = True
        self._stopping = stopping

    def is_stopping(self) -> bool:
        return self._stopping


class Arbiter:
    """The supervisor; what it is asked to call later is called by the test."""

    def __init__(self) -> None:
        self.loop = self
        self.later: list[tuple[Any, ...]] = []

    def call_later(self, _seconds: float, call: Any, *arguments: Any) -> None:
        self.later.append((call, *arguments))


def ended(watcher: Watcher, *codes: int | None) -> Arbiter:
    endings, arbiter = Endings(), Arbiter()
    for code in codes:
        endings(watcher=watcher, arbiter=arbiter, exit_code=code, process_pid=1)
    return arbiter


@pytest.mark.parametrize("code", [-9, -11, 0, None])
def test_a_worker_that_was_killed_or_told_to_end_is_replaced_however_often(code) -> None:
    watcher = Watcher()
    ended(watcher, *[code] * 10)
    assert watcher.respawn


def test_a_worker_that_refuses_ends_a_service_in_which_nobody_serves() -> None:
    watcher = Watcher(Process(alive=False))
    ended(watcher, REFUSED)
    assert not watcher.respawn


def test_a_worker_that_refuses_is_tried_later_while_another_serves() -> None:
    watcher = Watcher(Process())
    arbiter = ended(watcher, REFUSED)
    assert watcher.respawn
    assert watcher.numprocesses == 1
    [(restore, *arguments)] = arbiter.later
    restore(*arguments)
    assert watcher.numprocesses == 2


def test_a_store_that_is_away_is_waited_for_however_long() -> None:
    watcher = Watcher()
    ended(watcher, *[STORE_AWAY] * 10)
    assert watcher.respawn


def test_a_worker_that_crashes_is_replaced_a_few_times_and_not_for_ever() -> None:
    watcher = Watcher()
    ended(watcher, *[1] * (MOST_CRASHES - 1))
    assert watcher.respawn
    ended(watcher, *[1] * MOST_CRASHES)
    assert not watcher.respawn


def test_a_service_that_is_told_to_end_is_not_judged_by_how_its_workers_do() -> None:
    watcher = Watcher(stopping=True)
    ended(watcher, REFUSED, 1, 1, 1)
    assert watcher.respawn


def test_the_framework_still_has_what_the_supervisor_is_taught_by() -> None:
    """Its names are private: a new version may have others."""
    from bentoml._internal.utils.circus import Arbiter as Real
    from circus.watcher import Watcher as RealWatcher

    assert {"__init__", "start", "stop"} <= vars(Real).keys()
    made = RealWatcher("one", "true")
    assert made.hooks == {}
    assert {"graceful_timeout", "respawn", "numprocesses", "processes"} <= vars(made).keys()


class Watched:
    """A watcher of circus as :class:`Reaping` asks it; it forgets whom it sees gone."""

    def __init__(self, *statuses: str, stopped: bool = False) -> None:
        self.processes = {
            pid: SimpleNamespace(pid=pid, status=status) for pid, status in enumerate(statuses)
        }
        self.reaped: list[int] = []
        self._stopped = stopped

    def is_stopped(self) -> bool:
        return self._stopped

    def reap_process(self, pid: int) -> None:
        self.reaped.append(pid)
        del self.processes[pid]

    def manage_processes(self) -> str:
        alive = {pid: one for pid, one in self.processes.items() if one.status == "alive"}
        self.processes = alive
        return "managed"


@pytest.mark.parametrize("stopped", [False, True])
def test_a_worker_that_is_seen_gone_is_reaped_before_it_is_forgotten(stopped) -> None:
    watched = Watched("alive", "zombie", "alive", "unexisting", stopped=stopped)
    managing = Reaping(watched, {"zombie", "unexisting"}, watched.manage_processes)
    assert managing() == "managed"
    assert list(watched.processes) == [0, 2]
    assert watched.reaped == ([] if stopped else [1, 3])
