"""A try-lock between processes: of several that could do a job, one does."""

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from retain.postgres import lock_key


class Exclusive:
    """The right to do ``name`` for the store behind ``engine``; at most one holds it.

    It is kept until :meth:`release`, or until the process ends, however it ends. On SQLite
    it is a lock on a file in ``folder``, which is where the store is. On PostgreSQL it is a
    lock of a session of its own, so that hosts exclude each other that share no folder.

    Not safe to use from several threads.
    """

    def __init__(self, engine: Engine, name: str, folder: Path) -> None:
        self._lock: _SessionLock | _FileLock = (
            _SessionLock(engine, name)
            if engine.dialect.name == "postgresql"
            else _FileLock(folder / f"{name}.lock")
        )

    def holds(self) -> bool:
        """Whether this process has the right now; takes it where nobody has it.

        Never waits for another holder. What was held may be lost when the connection to
        PostgreSQL breaks: ask before each piece of work.
        """
        return self._lock.holds()

    def release(self) -> None:
        """Give the right up, so that another process can take it."""
        self._lock.release()


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def holds(self) -> bool:
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _SessionLock:
    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._try = select(func.pg_try_advisory_lock(lock_key(name)), func.pg_backend_pid())
        self._session: Connection | None = None
        self._backend: int | None = None

    def holds(self) -> bool:
        try:
            return self._still_holds() or self._takes()
        except SQLAlchemyError:
            self.release()
            return False

    def release(self) -> None:
        session, self._session, self._backend = self._session, None, None
        if session is not None:
            # it ends with its session too, but a little later
            with suppress(SQLAlchemyError), session:
                session.execute(select(func.pg_advisory_unlock_all()))

    def _still_holds(self) -> bool:
        if self._session is None or self._backend is None:
            return False
        if self._session.scalar(select(func.pg_backend_pid())) == self._backend:
            return True
        # another backend, behind a connection pooler, does not have our lock
        self.release()
        return False

    def _takes(self) -> bool:
        if self._session is None:
            self._session = self._engine.connect()
            self._session.execution_options(isolation_level="AUTOCOMMIT")
            # of its own for as long as it lives: another user of it would have the lock too
            self._session.detach()
        taken, backend = self._session.execute(self._try).one()
        if taken:
            self._backend = backend
        return bool(taken)
