"""A real PostgreSQL of the tests' own on a free loopback port, and a database for each test."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from tests.redis_server import free_port
from tests.served import children

USER, PASSWORD = "retain", "s3cret"
_numbers = count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A running server; ``process`` is its postmaster."""

    port: int
    process: "subprocess.Popen[bytes]"
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database, gone at the end."""
        name = f"test_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            if self.process.poll() is None:
                self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still: connections stay up, new ones too, and nothing is ever said."""
        # the first one starts no more while the others are found
        self.process.send_signal(signal.SIGSTOP)
        stopped = children(self.process.pid)
        for one in stopped:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in [*stopped, self.process.pid]:
                os.kill(one, signal.SIGCONT)

    def run(self, statement: str) -> None:
        """Run SQL as the superuser."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres",
            autocommit=True,
        ) as connection:  # fmt: skip
            connection.execute(statement)


def require_postgres() -> Path:
    """The folder of the server's programs; skips, saying what is missing."""
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: the PostgreSQL half is not tested here")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    on_path = shutil.which("initdb")
    programs = [*([Path(on_path).parent] if on_path else []), *found]
    if not programs:
        pytest.skip("there is no PostgreSQL server (apt-get install postgresql)")
    return programs[-1]


@contextmanager
def postgres_running(*options: str) -> Iterator[PostgresServer]:
    """A server of the tests: not durable, unless ``options`` say otherwise."""
    programs = require_postgres()
    folder = Path(tempfile.mkdtemp(prefix="retain-postgres-"))
    # PostgreSQL refuses to run as root
    as_user = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
    if os.geteuid() == 0:
        as_user += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    data = folder / "data"
    subprocess.run(
        [*as_user, programs / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256",
         "--pwfile", password, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    port = free_port()
    quick = ["fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"]
    settings = [*quick, "listen_addresses=127.0.0.1", "unix_socket_directories=", *options]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [*as_user, programs / "postgres", "-D", data, "-p", str(port),
         *(word for setting in settings for word in ("-c", setting))],
        stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    server = PostgresServer(port, process, folder)
    try:
        _wait(server)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGQUIT)
        process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole run, started by the first test that asks for it."""
    with postgres_running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database of this test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh operational store; the test runs once on each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'retain.db'}"


def _wait(server: PostgresServer) -> None:
    import psycopg

    for _ in range(600):
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            if server.process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PostgreSQL did not start:\n{(server.folder / 'log').read_text()}")
