"""The parent of the workers, and what it does where one ends.

The framework's supervisor looks after its workers every ten seconds, starts one that refuses
to start again for ever, forgets some that ended without asking how, and leaves them running
where it is killed. Its settings cannot be reached from outside, so that this module sets them
where it makes the supervisor.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from retain import lifeline
from retain.errors import RetainError, StoreDamaged, StoreUnavailable
from services import listening

LOOK_EVERY_SECONDS = 0.2
MOST_CRASHES = 3
_CRASHES_WITHIN_SECONDS = 60.0
_NEXT_TRY_SECONDS = 30.0
_STORE_PAUSE_SECONDS = 1.0
# see sysexits.h
REFUSED = 78
STORE_AWAY = 75
MOST_LOOKS = 25
"""So often a worker is looked at that is dead and still has threads that end: five seconds."""
_NOBODY_SERVES = "No active process"
# DEAD_OR_ZOMBIE and UNEXISTING of circus.process, which a worker does not load
_DEAD = (1, 2)
log = logging.getLogger("retain.service")


def refuse(error: RetainError) -> NoReturn:
    """End this worker with one readable reason; where only a store is away, it is tried again."""
    print(f"retain: {error.message}\n  remedy: {error.remedy}", file=sys.stderr, flush=True)
    is_away = isinstance(error, StoreUnavailable) and not isinstance(error, StoreDamaged)
    if is_away:
        time.sleep(_STORE_PAUSE_SECONDS)
    # an exception here becomes a page of traceback, and the exit code of any other failure
    os._exit(STORE_AWAY if is_away else REFUSED)


def follow() -> None:
    """In a worker: end, once what is in flight is answered, where the supervisor is gone."""
    lifeline.end_with_parent(signal.SIGTERM)


def attend(drained: float, stopped_within: float) -> None:
    """In the supervisor, before it starts workers: look after them as described above.

    Told to end, it keeps listening for ``drained`` seconds, as its workers do; they have
    ``stopped_within`` seconds more before they are killed.
    """
    from bentoml._internal.utils.circus import Arbiter  # noqa: PLC0415 - a worker has none

    supervising: Any = Arbiter
    made, started, stopped = supervising.__init__, supervising.start, supervising.stop

    def make(self: Any, watchers: Sequence[Any], *arguments: Any, **options: Any) -> None:
        for watcher in watchers:
            watcher.hooks["after_reap"] = Endings()
            watcher.graceful_timeout = drained + stopped_within
            watcher.manage_processes = Reaping(watcher, watcher.manage_processes)
        made(self, watchers, *arguments, **options | {"check_delay": LOOK_EVERY_SECONDS})

    def start(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            started(self, *arguments, **options)
        except RuntimeError as error:
            if _NOBODY_SERVES not in str(error):
                raise
            # why was said by the worker that ended last; a page of traceback says nothing more
            sys.exit("retain: the service has ended, because no worker is left")

    def stop(self: Any) -> Any:
        for one in self.sockets.values():
            self.loop.call_later(drained, listening.close_door, one)
            self.loop.call_later(drained + listening.REFUSES_SECONDS, listening.refuse, one)
        return stopped(self)

    supervising.__init__, supervising.start, supervising.stop = make, start, stop


@dataclass(slots=True)
class Reaping:
    """Looks after the workers of ``watcher`` once it is known how the dead ones ended.

    The system shows a process as dead while threads of it still end, and says how it ended only
    then. In between, ``managed`` drops it as if nothing had happened, and starts another one.
    """

    watcher: Any
    managed: Callable[[], Awaitable[None]]
    looks: dict[int, int] = field(default_factory=dict)

    async def __call__(self) -> None:
        """One look; what cannot be told yet is told at the next one."""
        dead = [one for one in self.watcher.processes.values() if _is_dead(one)]
        ending = {one.pid: self.looks.get(one.pid, 0) + 1 for one in dead if one.is_alive()}
        for one in dead:
            if one.pid not in ending:
                self.watcher.reap_process(one.pid)
        self.looks = ending
        # a thread that hangs in the kernel must not keep others from being replaced
        if all(looks > MOST_LOOKS for looks in ending.values()):
            await self.managed()


def _is_dead(process: Any) -> bool:
    return not process.is_alive() or process.status in _DEAD


@dataclass(slots=True)
class Endings:
    """What follows from how a worker ended; called after each.

    One that was killed is replaced at once. One that refused to start would refuse again:
    where others serve they go on, and it is tried anew after a while; where none does, the
    whole service ends, with exit code 1. So it does after a few crashes in a row. One that
    could not reach a store is replaced for as long as that lasts.
    """

    crashes: list[float] = field(default_factory=list)

    def __call__(self, *, watcher: Any, arbiter: Any, exit_code: int | None, **_: Any) -> None:
        """See ``after_reap`` in https://circus.readthedocs.io/en/latest/for-devs/hooks."""
        if watcher.is_stopping() or exit_code == STORE_AWAY:
            return
        if (exit_code or 0) <= 0:
            if exit_code:
                # in a container who runs that starts another
                then = "another one starts" if watcher.respawn else "the service ends with it"
                log.error("a worker was ended by signal %d; %s", -exit_code, then)
            return
        if exit_code != REFUSED and not self._too_many():
            return
        others = [one for one in watcher.processes.values() if one.is_alive()]
        if others:
            log.error("a worker did not start; %d serve, and it is tried again", len(others))
            watcher.numprocesses = len(others)
            arbiter.loop.call_later(_NEXT_TRY_SECONDS, _restore, watcher, len(others) + 1)
            return
        watcher.respawn = False

    def _too_many(self) -> bool:
        now = time.monotonic()
        self.crashes = [at for at in self.crashes if now - at < _CRASHES_WITHIN_SECONDS] + [now]
        return len(self.crashes) >= MOST_CRASHES


def _restore(watcher: Any, processes: int) -> None:
    watcher.numprocesses = max(watcher.numprocesses, processes)
