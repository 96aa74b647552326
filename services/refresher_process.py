"""The refresher as a child of the service: started, nudged, started again when it dies."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
from threading import Event, Lock, Thread

from retain.settings import Settings
from services.refreshing import line_of

REFRESHER = "services.refreshing"
AGAIN_AFTER_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 10.0
# what the service was started with leads to the same code
_CHILD = """
import os, sys
os.nice({nice})
sys.path[:0] = {path!r}
from retain.lifeline import end_with_parent
end_with_parent({signal})
from services import lean
with lean.imports():
    from {module} import main
main()
"""
# predictions go first where there is not enough of the processor for both
NICE = 5
SENT_TO_EVERYONE = (signal.SIGINT, signal.SIGTERM)
"""What ends a whole group of processes: of a child, the service says when it ends."""
log = logging.getLogger("retain.service")


class RefresherProcess:
    """One child that works; it ends with this process, also where that is killed.

    ``module`` says what it does: its ``main`` reads settings and nudges from stdin.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        module: str = REFRESHER,
        name: str = "the refresher",
        nice: int = NICE,
    ) -> None:
        self._line = line_of(settings)
        self._module = module
        self._name = name
        self._nice = nice
        self._stopping = Event()
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name="retain-refresher", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def nudge(self) -> None:
        """There is something to do; never waits."""
        child = self._child
        if child is not None and child.stdin is not None:
            # a full pipe is nudge enough; a broken one is seen by who waits for the child
            with contextlib.suppress(OSError, ValueError):
                os.write(child.stdin.fileno(), b"\n")

    def stop(self) -> None:
        """Have the child finish its batch and end."""
        with self._lock:
            self._stopping.set()
            if self._child is not None and self._child.stdin is not None:
                with contextlib.suppress(OSError):
                    self._child.stdin.close()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_SECONDS)
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def _program(self) -> str:
        return _CHILD.format(
            path=sys.path, module=self._module, nice=self._nice, signal=int(signal.SIGKILL)
        )

    def _run(self) -> None:
        # a child begins with what is blocked here: one that is still starting ignores nothing
        signal.pthread_sigmask(signal.SIG_BLOCK, SENT_TO_EVERYONE)
        while not self._stopping.is_set():
            if self._started():
                code = self._child.wait() if self._child else 0
                if not self._stopping.is_set():
                    log.error("%s ended with exit code %s and is started again", self._name, code)
            self._stopping.wait(AGAIN_AFTER_SECONDS)

    def _started(self) -> bool:
        with self._lock:
            if self._stopping.is_set():
                return False
            self._child = self._opened([sys.executable, "-c", self._program()])
            return True

    def _opened(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """The child, told its settings."""
        child = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own words
        stdin = child.stdin
        assert stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):
            stdin.write(self._line)
            stdin.flush()
        os.set_blocking(stdin.fileno(), False)
        return child
