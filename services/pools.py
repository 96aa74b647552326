"""Threads for blocking work, few on purpose: more of them only wait for each other's lock."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

SCORING_AT_A_TIME = 2
SCORING_THREADS = 32
STORING_THREADS = 2

Result = TypeVar("Result")


class Pools:
    """Scoring and storing apart: a flood of events never waits in front of a prediction.

    Measured with one customer per request: 104, 85, 71 and 63 requests a second with 1, 2, 4
    and 8 threads at work. Two let a single customer pass a list of a thousand. There are more
    threads than that, so that one that waits for features (:meth:`aside`) holds nobody up.
    """

    def __init__(self) -> None:
        self._scoring = ThreadPoolExecutor(SCORING_THREADS, thread_name_prefix="scoring")
        self._slots = _Slots(SCORING_AT_A_TIME)
        self._here = threading.local()
        self._storing = ThreadPoolExecutor(STORING_THREADS, thread_name_prefix="storing")

    async def score(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what mostly computes."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._scoring, self._in_turn, work, *arguments)

    async def store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what mostly waits for a store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._storing, work, *arguments)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let another thread score while this one waits for something."""
        if not getattr(self._here, "scores", False):
            yield
            return
        self._slots.release()
        try:
            yield
        finally:
            self._slots.acquire(first=True)

    def _in_turn(self, work: Callable[..., Result], *arguments: Any) -> Result:
        self._slots.acquire()
        self._here.scores = True
        try:
            return work(*arguments)
        finally:
            self._here.scores = False
            self._slots.release()

    def close(self) -> None:
        """Finish what was begun."""
        self._scoring.shutdown()
        self._storing.shutdown()


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
