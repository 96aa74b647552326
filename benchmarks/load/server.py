"""A server as a child of a benchmark: started, watched, ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

READY_WITHIN_SECONDS = 120
_TAIL_LINES = 8
BENTO_WORKER = "_bentoml_impl.worker"


class Server:
    """A command that serves on ``port``.

    Args:
        command: with ``{port}`` where the port belongs.
        probe: a path that is answered, in any way, once the server is up; of a service that
            says when it is ready, only a success counts.
        environment: added to this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        probe: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with socket.socket() as probed:
            probed.bind(("127.0.0.1", 0))
            self.port: int = probed.getsockname()[1]
        self._command = [part.replace("{port}", str(self.port)) for part in command]
        self._log, self._probe = log, probe
        self._environment = dict(environment or {})

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop()

    def kill_worker(self) -> int:
        """SIGKILL a process that answers; returns its id."""
        worker = self.worker()
        os.kill(worker, signal.SIGKILL)
        return worker

    def worker(self) -> int:
        """A process that answers: BentoML's worker, or the largest of another server's."""
        below = self.processes()[1:]
        workers = [one for one in below if BENTO_WORKER in command_line(one)]
        return max(workers or below or self.processes(), key=resident)

    def is_ready(self) -> bool:
        """Whether it answers now."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{self._probe}", timeout=5):
                return True
        except HTTPError as error:
            return error.code < 500
        except (URLError, OSError):
            return False

    def restart(self) -> None:
        """Stop what is left of it and start it again, as a supervisor would."""
        self._stop()
        self._start()

    def processes(self) -> list[int]:
        """Its process ids: the parent, and everything below it."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                children.setdefault(int(stat[1]), []).append(int(entry.name))
        found = [self._process.pid]
        for one in found:
            found.extend(children.get(one, []))
        return found

    def cpu_seconds(self) -> float:
        """Processor time that all its processes used so far."""
        ticks = 0
        for one in self.processes():
            try:
                fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory of all its processes; what they share is counted in each."""
        return sum(map(resident, self.processes())) / 1e6

    def _start(self) -> None:
        environment = os.environ | self._environment
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self._command, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        until = time.monotonic() + READY_WITHIN_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self._stop()
                said = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                sys.exit("\n".join([*said, f"the server did not start: {self._log} ends as above"]))
            time.sleep(0.2)

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def resident(process: int) -> int:
    """Bytes of memory a process holds; zero where it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def command_line(process: int) -> str:
    """What a process was started with; "" where it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
