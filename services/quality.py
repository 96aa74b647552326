"""Data quality as gauges: every few minutes one process of a home has a look at its data.

The look runs in a child process that has what processor nobody else wants (``SCHED_IDLE``), a
tenth of the time, and with one thread, so that neither the interpreter's lock nor cores nor caches
are taken from requests; of several workers the one that holds the right to it looks
(:mod:`retain.exclusive`).
"""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event, Lock, Thread
from typing import Protocol

from retain.clock import Clock
from retain.priority import nicely
from retain.quality.findings import Sample
from retain.settings import Settings
from services.metrics import Metrics
from services.quality_look import asked

FIRST_AFTER = timedelta(minutes=2)
_WITHIN_SECONDS = 900.0
_WORK_SECONDS = 0.01
_PAUSE_SECONDS = 0.09
_STOP_WITHIN_SECONDS = 10.0
_CHILD = (
    "import sys; sys.path[:0] = {path!r}; from retain.priority import lowest; lowest(); "
    # stopped most of the time (see _pace), it must not stay so where its parent is killed
    "from retain.lifeline import end_with_parent; end_with_parent(9); "
    "from services.quality_look import main; main()"
)
log = logging.getLogger("retain.service")


class Turn(Protocol):
    """Whether this process is the one to look."""

    def holds(self) -> bool:
        """Whether it is now."""

    def release(self) -> None:
        """Let another one."""


class ChildLook:
    """A look in a child process; ``stop`` ends one that is under way."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = Lock()

    def __call__(self) -> list[Sample]:
        """What was measured; nothing where it could not be, which is logged."""
        # what the service was started with leads to the same code
        command = nicely([sys.executable, "-c", _CHILD.format(path=sys.path)])
        with self._lock:
            if self._stopped:
                return []
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                command, stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
        Thread(target=_pace, args=(self._process,), name="retain-pace", daemon=True).start()
        try:
            out, error = self._process.communicate(
                asked(self._settings, self._clock()), timeout=_WITHIN_SECONDS
            )
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, error = self._process.communicate()
        if self._process.returncode:
            if not self._stopped:
                log.warning("data quality was not examined: %s", _reason(error))
            return []
        return [Sample(name, labels, value) for name, labels, value in json.loads(out)]

    def stop(self) -> None:
        """End the child, and start no other."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()


def _reason(said: str) -> str:
    """What the child gave as its reason; of a crash only that it was one: it quotes values."""
    return "it ended unexpectedly" if "Traceback" in said else said.strip()[-500:]


def _pace(process: subprocess.Popen[str]) -> None:
    """Let it work a tenth of the time: cores share their caches whatever the priorities."""
    while process.poll() is None:
        time.sleep(_WORK_SECONDS)
        process.send_signal(signal.SIGSTOP)
        time.sleep(_PAUSE_SECONDS)
        process.send_signal(signal.SIGCONT)


class Watch:
    """Looks every ``every`` and shows what it saw; does nothing where ``every`` is zero."""

    def __init__(
        self,
        *,
        look: ChildLook | Callable[[], Sequence[Sample]],
        metrics: Metrics,
        turn: Turn,
        every: timedelta,
    ) -> None:
        self._look = look
        self._metrics = metrics
        self._turn = turn
        self._every = every
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="retain-quality", daemon=True)

    def start(self) -> None:
        """Begin in the background, first after two minutes: a start is busy enough."""
        if self._every > timedelta(0):
            self._thread.start()

    def stop(self) -> None:
        """End at once; what is under way is given up."""
        self._stopping.set()
        if isinstance(self._look, ChildLook):
            self._look.stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_SECONDS)

    def once(self) -> bool:
        """Look, if it is this process's turn; returns whether there is something to show."""
        if not self._turn.holds():
            return False
        samples = self._look()
        if samples:
            self._metrics.quality(samples, at=time.time())
        return bool(samples)

    def _run(self) -> None:
        pause = min(self._every, FIRST_AFTER)
        while not self._stopping.wait(pause.total_seconds()):
            pause = self._every
            try:
                self.once()
            except Exception:
                log.exception("data quality was not examined")
        self._turn.release()
