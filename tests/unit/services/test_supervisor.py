"""What the parent of the workers does where one ends."""

import asyncio
from typing import Any

import pytest

from services.supervisor import MOST_CRASHES, MOST_LOOKS, REFUSED, STORE_AWAY, Endings, Reaping


class Process:
    """A worker."""

    def __init__(self, *, alive: bool = True) -> None:
        self._alive = alive

    def is_alive(self) -> bool:
        return self._alive


class Ending:
    """A worker that is shown as dead for ``looks`` looks before it has ended."""

    pid = 7
    status = 1

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def is_alive(self) -> bool:
        # a look asks twice
        self._looks -= 1
        return self._looks // 2 >= 0


class Watcher:
    """What the framework's supervisor keeps of its workers."""

    def __init__(self, *others: Process, stopping: bool = False) -> None:
        self.processes = dict(enumerate(others))
        self.numprocesses = len(others) + 1
        self.respawn = True
        self._stopping = stopping

        self.told: list[int] = []

    def reap_process(self, process: int) -> None:
        self.told.append(process)
        del self.processes[process]

    async def managed(self) -> None:
        """Drop the dead and start others, as the framework does."""
        self.processes.pop(Ending.pid, None)

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


@pytest.mark.parametrize("looks", [0, 1, 5])
def test_a_dead_worker_is_forgotten_only_after_it_was_told_how_it_ended(looks: int) -> None:
    watcher = Watcher()
    watcher.processes[Ending.pid] = Ending(2 * looks)
    reaping = Reaping(watcher, watcher.managed)
    for _ in range(looks + 1):
        assert Ending.pid in watcher.processes
        asyncio.run(reaping())
    assert watcher.told == [Ending.pid]
    assert Ending.pid not in watcher.processes


def test_a_dead_worker_that_never_ends_is_replaced_all_the_same() -> None:
    watcher = Watcher()
    watcher.processes[Ending.pid] = Ending(1_000_000)
    reaping = Reaping(watcher, watcher.managed)
    for _ in range(MOST_LOOKS + 1):
        assert Ending.pid in watcher.processes
        asyncio.run(reaping())
    assert watcher.told == []
    assert Ending.pid not in watcher.processes


def test_the_framework_still_has_what_the_supervisor_is_taught_by() -> None:
    """Its names are private: a new version may have others."""
    from bentoml._internal.utils.circus import Arbiter as Real
    from circus.process import DEAD_OR_ZOMBIE, UNEXISTING
    from circus.watcher import Watcher as RealWatcher

    assert {"__init__", "start", "stop"} <= vars(Real).keys()
    assert (DEAD_OR_ZOMBIE, UNEXISTING) == (1, 2)
    assert {"manage_processes", "reap_process"} <= vars(RealWatcher).keys()
    made = RealWatcher("one", "true")
    assert made.hooks == {}
    assert {"graceful_timeout", "respawn", "numprocesses", "processes"} <= vars(made).keys()
