"""How a worker ended is told of real processes, also of one that is long in ending."""

import asyncio
import signal
import sys
from typing import Any

from circus.watcher import Watcher

from services.supervisor import LOOK_EVERY_SECONDS, Reaping

ENDS_SLOWLY = """
import ctypes, os, signal, threading, time
def end():
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=end).start()
ctypes.CDLL(None).pthread_exit(None)
"""
GIVE_UP_AFTER_LOOKS = 300


class Told:
    """The hook; it keeps how workers ended."""

    def __init__(self) -> None:
        self.codes: list[int | None] = []

    def __call__(self, *, exit_code: int | None, **_: Any) -> None:
        self.codes.append(exit_code)


def test_a_killed_worker_whose_first_thread_ends_before_the_others_is_told_of() -> None:
    """Its first thread is what the system shows of it; the others end a moment later."""
    told = Told()
    watcher = Watcher("one", sys.executable, args=["-c", ENDS_SLOWLY], respawn=False)
    watcher.hooks["after_reap"] = told
    watcher._status = "active"
    assert watcher.spawn_process()
    reaping = Reaping(watcher, watcher.manage_processes)

    async def looks() -> None:
        for _ in range(GIVE_UP_AFTER_LOOKS):
            await reaping()
            if not watcher.processes:
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    asyncio.run(looks())
    assert told.codes == [-signal.SIGKILL]
