"""Threads for blocking work, few on purpose: more of them only wait for each other's lock."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

SCORING_AT_A_TIME = 1
SCORING_THREADS = 32
STORING_THREADS = 2

Result = TypeVar("Result")


class Pools:
    """Scoring and storing apart: a flood of events never waits in front of a prediction.

    One thread scores at a time, since all need the interpreter's lock: 104, 85, 71 and 63
    requests a second were answered with 1, 2, 4 and 8. Lists have a turn of their own, so that a
    single customer passes a thousand. There are more threads than turns, so that one that waits
    for features (:meth:`aside`) holds nobody up.
    """

    def __init__(self) -> None:
        self._single, self._lists = _Turns("scoring"), _Turns("scoring-lists")
        self._here = threading.local()
        self._storing = ThreadPoolExecutor(STORING_THREADS, thread_name_prefix="storing")

    async def score(
        self, work: Callable[..., Result], *arguments: Any, several: bool = False
    ) -> Result:
        """Run what mostly computes; ``several`` is for many customers at once."""
        turns = self._lists if several else self._single
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(turns.threads, self._in_turn, turns, work, *arguments)

    async def store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what mostly waits for a store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._storing, work, *arguments)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let another thread score while this one waits for something."""
        turns: _Turns | None = getattr(self._here, "turns", None)
        if turns is None:
            yield
            return
        turns.slots.release()
        try:
            yield
        finally:
            turns.slots.acquire(first=True)

    def _in_turn(self, turns: "_Turns", work: Callable[..., Result], *arguments: Any) -> Result:
        turns.slots.acquire()
        self._here.turns = turns
        try:
            return work(*arguments)
        finally:
            self._here.turns = None
            turns.slots.release()

    def close(self) -> None:
        """Finish what was begun."""
        for turns in (self._single, self._lists):
            turns.threads.shutdown()
        self._storing.shutdown()


class _Turns:
    """Threads that score, and the slots they take turns at."""

    def __init__(self, name: str) -> None:
        self.threads = ThreadPoolExecutor(SCORING_THREADS, thread_name_prefix=name)
        self.slots = _Slots(SCORING_AT_A_TIME)


class _Slots:
    """A semaphore that hands over in order: that of the library lets some wait for ever."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def acquire(self, *, first: bool = False) -> None:
        """Wait for a slot, in front of all others where ``first``."""
        turn = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if first:
                self._waiting.appendleft(turn)
            else:
                self._waiting.append(turn)
        turn.wait()

    def release(self) -> None:
        """Give a slot to who waits for one."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
