"""Threads for blocking work, few on purpose: more of them only wait for each other's lock."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from typing import Any, TypeVar

from services.gate.lane import overloaded

SCORING_AT_A_TIME = 1
SCORING_THREADS = 32
STORING_THREADS = 2
MOST_SINGLE = 128
MOST_LISTS = 16
MOST_STORING = 128
MOST_READING = 32
"""So many pieces of work of a kind are begun or wait; more are refused."""
_WAY_SECONDS = 0.0005

Result = TypeVar("Result")


class Pools:
    """Kinds of work apart: a flood of one never waits in front of another.

    One thread scores at a time, since all need the interpreter's lock: 104, 85, 71 and 63
    requests a second were answered with 1, 2, 4 and 8. Lists have a turn of their own, so that a
    single customer passes a thousand. There are more threads than turns, so that one that waits
    for features (:meth:`aside`) holds nobody up.

    Every kind has room for so much, and whoever comes then is refused
    (:class:`~services.refusals.Overloaded`). A caller that no longer waits frees its room when
    the thread that works for it is done, or at once where none has begun.
    """

    def __init__(self) -> None:
        self._single = _Threads("scoring", SCORING_THREADS, MOST_SINGLE, turns=True)
        self._lists = _Threads("scoring-lists", SCORING_THREADS, MOST_LISTS, turns=True)
        self._storing = _Threads("storing", STORING_THREADS, MOST_STORING)
        self._reading = _Threads("reading", 1, MOST_READING)
        self._probing = _Threads("probing", 2, inf)
        self._here = threading.local()

    async def score(
        self, work: Callable[..., Result], *arguments: Any, several: bool = False
    ) -> Result:
        """Run what mostly computes; ``several`` is for many customers at once.

        Raises:
            Overloaded: there is no room.
        """
        threads = self._lists if several else self._single
        done: Result = await threads.run(self._in_turn, threads, work, *arguments)
        return done

    async def store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what mostly waits for a store; raises as :meth:`score`."""
        done: Result = await self._storing.run(_unless_left, work, *arguments)
        return done

    async def read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what takes a long body apart; raises as :meth:`score`."""
        done: Result = await self._reading.run(_unless_left, work, *arguments)
        return done

    async def probe(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what must be answered however much else there is."""
        done: Result = await self._probing.run(_unless_left, work, *arguments)
        return done

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let another thread score while this one waits for something."""
        slots: _Slots | None = getattr(self._here, "slots", None)
        if slots is None:
            yield
            return
        slots.release()
        try:
            yield
        finally:
            slots.acquire(first=True)

    def give_way(self) -> None:
        """Between two parts of long work: let the event loop, and who waits for a turn, go on."""
        slots: _Slots | None = getattr(self._here, "slots", None)
        if slots is not None:
            slots.release()
        # a thread that only lets go of the interpreter may have it back before anybody wakes
        time.sleep(_WAY_SECONDS)
        if slots is not None:
            slots.acquire()

    def _in_turn(
        self, left: threading.Event, threads: "_Threads", work: Callable[..., Result], *rest: Any
    ) -> Result | None:
        threads.slots.acquire()
        self._here.slots = threads.slots
        try:
            return _unless_left(left, work, *rest)
        finally:
            self._here.slots = None
            threads.slots.release()

    def waiting(self) -> dict[str, int]:
        """How much work of each kind is begun or waits."""
        return {one.name: one.busy for one in self._all()}

    def close(self) -> None:
        """Finish what was begun."""
        for one in self._all():
            one.close()

    def _all(self) -> "tuple[_Threads, ...]":
        return self._single, self._lists, self._storing, self._reading, self._probing


def _unless_left(
    left: threading.Event, work: Callable[..., Result], *arguments: Any
) -> Result | None:
    """What ``work`` returns, or nothing where nobody waits for it any more."""
    return None if left.is_set() else work(*arguments)


class _Threads:
    """Threads for one kind of work, with room for ``most`` pieces of it."""

    def __init__(self, name: str, threads: int, most: float, *, turns: bool = False) -> None:
        self.name = name
        self.busy = 0
        self.slots = _Slots(SCORING_AT_A_TIME if turns else threads)
        self._most = most
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What ``work`` returns, called with an event that is set where nobody waits any more."""
        with self._lock:
            if self.busy >= self._most:
                raise overloaded(f"{self.busy:,} requests wait for {self.name} already")
            self.busy += 1
        left = threading.Event()
        try:
            future = self._threads.submit(work, left, *arguments)
        except BaseException:
            self._done(None)
            raise
        future.add_done_callback(self._done)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            left.set()
            raise

    def close(self) -> None:
        """Finish what was begun."""
        self._threads.shutdown()

    def _done(self, _: Future[Any] | None) -> None:
        with self._lock:
            self.busy -= 1


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
