"""What goes wrong in a fault run: each kind breaks something under a running service, and mends it.

A kind is a context that yields a :class:`Trouble`, or None where this machine cannot do it.
"""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from load.service import Service

Act = Callable[[Service], None]
_BALLAST_BYTES = 1 << 20
_ROOM_BYTES = 150 << 20


@dataclass(frozen=True)
class Trouble:
    """A home to serve, and what happens to it.

    Attributes:
        environment: of the service.
        pinned: whether its clock stands still, so that scores must stay equal to the last bit.
        worker_dies: whether connections may break.
    """

    home: Path
    break_it: Act
    mend_it: Act
    environment: dict[str, str] = field(default_factory=dict)
    pinned: bool = True
    worker_dies: bool = False


Kind = Callable[[Path, Path], AbstractContextManager[Trouble | None]]


def nothing(_service: Service) -> None:
    """Leave it as it is."""


def retain(home: Path, environment: dict[str, str], *words: str) -> None:
    """Run a command of Retain's on a home."""
    command = [sys.executable, "-m", "cli.main", "--home", str(home), *words]
    told = os.environ | environment
    subprocess.run(command, check=True, env=told, stdout=subprocess.DEVNULL)  # noqa: S603


def copied(home: Path, folder: Path) -> Path:
    """A home of the run's own."""
    return Path(shutil.copytree(home, folder / "home"))


@contextmanager
def redis_killed(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """Redis, which keeps the online features, is killed and comes back with its data."""
    if shutil.which("redis-server") is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--dir", str(folder), "--appendonly", "yes", "--save", ""]

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603

    running = [start()]
    environment = {"RETAIN_ONLINE_URL": f"redis://127.0.0.1:{port}/0"}

    def kill(_service: Service) -> None:
        running[-1].kill()
        running[-1].wait()

    try:
        time.sleep(1)
        own = copied(home, folder)
        retain(own, environment, "features", "materialize")
        yield Trouble(own, kill, lambda _: running.append(start()), environment)
    finally:
        running[-1].kill()
        running[-1].wait()


@contextmanager
def postgres_killed(_home: Path, folder: Path) -> Iterator[Trouble | None]:
    """PostgreSQL, which keeps events and decisions, is killed and started again."""
    programs = list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")
    if find_spec("pytest") is None or find_spec("psycopg") is None or not programs:
        yield None
        return
    sys.path.append(str(Path(__file__).parents[2]))
    from tests.postgres_server import postgres_running  # noqa: PLC0415 - the others need no pytest

    with postgres_running("fsync=on", "full_page_writes=on") as server:
        running = [server.process]
        server.run("CREATE DATABASE faults")
        environment = {"RETAIN_DATABASE_URL": server.url("faults")}
        own = folder / "home"
        # the demo has a home of its own, unless it is told one itself
        words = ["demo", "--no-serve", "--customers", "1000", "--home", str(own)]
        retain(own, environment, *words)

        def kill(_service: Service) -> None:
            running[-1].kill()
            running[-1].wait()

        def start(_service: Service) -> None:
            # its children need a moment to see that it is gone, and hold its memory until then
            for _ in range(20):
                again = subprocess.Popen(  # noqa: S603
                    server.process.args, cwd=server.folder, stdout=subprocess.DEVNULL
                )
                time.sleep(1)
                if again.poll() is None:
                    running.append(again)
                    return
            sys.exit("PostgreSQL did not start again")

        try:
            yield Trouble(own, kill, start, environment)
        finally:
            if len(running) > 1:
                running[-1].send_signal(signal.SIGQUIT)
                running[-1].wait()


@contextmanager
def sqlite_locked(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """Another process holds the write lock of the home's database."""
    own = copied(home, folder)
    with closing(sqlite3.connect(own / "retain.db", isolation_level=None)) as connection:

        def lock(_service: Service) -> None:
            connection.execute("BEGIN EXCLUSIVE")

        def unlock(_service: Service) -> None:
            connection.execute("ROLLBACK")

        yield Trouble(own, lock, unlock)


@contextmanager
def worker_killed(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """The worker is killed, without a chance to finish anything."""

    def kill(service: Service) -> None:
        service.kill_worker()

    yield Trouble(copied(home, folder), kill, nothing, worker_dies=True)


@contextmanager
def model_corrupted(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """A model file changes on the disk: who serves is unharmed, who starts refuses."""
    own = copied(home, folder)
    file = next(own.glob("bentoml/models/retain-churn/*/model.txt"))
    sound = file.read_bytes()

    def corrupt(_service: Service) -> None:
        file.write_bytes(sound[: len(sound) // 2] + b"\0" + sound[len(sound) // 2 + 1 :])
        log = folder / "second.log"
        second = Service(own, log, workers=1)
        with suppress(SystemExit), second:
            sys.exit("a service started with a corrupt model")
        said = log.read_text(errors="replace")
        if "sealed" not in said and "corrupt" not in said:
            sys.exit(f"a corrupt model was refused without a readable reason: {said[-500:]}")

    def restore(_service: Service) -> None:
        file.write_bytes(sound)

    yield Trouble(own, corrupt, restore)


@contextmanager
def disk_full(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """The disk of the home is full, then it is not."""
    used = sum(one.stat().st_size for one in home.rglob("*") if one.is_file())
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={used + _ROOM_BYTES}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:  # noqa: S603
        yield None
        return
    ballast = disk / "ballast"

    def fill(_service: Service) -> None:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(_BALLAST_BYTES)):
                pass

    def free(_service: Service) -> None:
        ballast.unlink()

    try:
        yield Trouble(copied(home, disk), fill, free)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)  # noqa: S603, S607


@contextmanager
def clock_set_back(home: Path, folder: Path) -> Iterator[Trouble | None]:
    """The clock of the service's processes goes back by an hour, then is right again.

    By a library of a few lines, since libfaketime breaks ``time.sleep`` of Python.
    """
    compiler = shutil.which("cc")
    library, told = folder / "clock.so", folder / "clock"
    source = Path(__file__).with_name("clock.c")
    if (
        compiler is None
        or subprocess.run(  # noqa: S603
            [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=False
        ).returncode
    ):
        yield None
        return
    told.write_bytes((0).to_bytes(8, sys.byteorder, signed=True))
    environment = {"LD_PRELOAD": str(library), "RETAIN_BENCH_CLOCK": str(told)}

    def turn(seconds: int) -> None:
        with told.open("r+b", buffering=0) as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    yield Trouble(
        copied(home, folder),
        lambda _: turn(-3_600),
        lambda _: turn(0),
        environment,
        pinned=False,
    )


KINDS: dict[str, Kind] = {
    "redis": redis_killed,
    "postgresql": postgres_killed,
    "sqlite": sqlite_locked,
    "worker": worker_killed,
    "model": model_corrupted,
    "disk": disk_full,
    "clock": clock_set_back,
}
