"""What a process costs: its memory, the collector's pauses, how late its event loop is."""

import asyncio
import gc
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

LOOP_EVERY_SECONDS = 0.1
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Pause = tuple[int, float]
"""A generation, and seconds."""


def resident_bytes() -> int:
    """Memory in use now; at most so far where the system does not say."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Pauses:
    """Notes every collection of garbage; takes no lock, since any line of code may be in one."""

    def __init__(self, paused: Callable[[Pause], None]) -> None:
        self._paused = paused
        self._began = 0.0

    def start(self) -> None:
        """Begin to note."""
        gc.callbacks.append(self._told)

    def stop(self) -> None:
        """Note no more."""
        if self._told in gc.callbacks:
            gc.callbacks.remove(self._told)

    def _told(self, phase: str, told: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        elif self._began:
            self._paused((told["generation"], time.perf_counter() - self._began))


class LoopLag:
    """Notes how late an event loop runs what was due."""

    def __init__(self, late: Callable[[float], None]) -> None:
        self._late = late
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = 0.0

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, once, with the loop that runs."""
        if self._loop is None:
            self._loop = loop
            self._again(loop)

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + LOOP_EVERY_SECONDS
        loop.call_at(self._due, self._ran, loop)

    def _ran(self, loop: asyncio.AbstractEventLoop) -> None:
        self._late(max(loop.time() - self._due, 0.0))
        self._again(loop)
