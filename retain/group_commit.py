"""Group commit: transactions of several threads on SQLite that wait for the disk together."""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from retain.database import writing

MOST = 64
"""So many share a commit: who came first does not wait for everybody after."""

Result = TypeVar("Result")


class GroupCommit:
    """Write transactions that are durable when they return; those that wait share a commit.

    A commit waits for the disk, and on SQLite one transaction is at work at a time. So whoever
    has its turn also does what the threads behind it want to, each in a savepoint of its own, and
    one commit keeps all of it (group commit, as in Gray and Reuter 1992, 9.4). Each sees what
    those before it did, as if they had committed. PostgreSQL has transactions side by side and
    does the same by itself: there each has its own.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard = Lock()
        self._queue: deque[_Job[Any]] = deque()
        self._led = False

    def run(self, work: Callable[[Connection], Result], *, alone: str) -> Result:
        """What ``work`` returns, once what it did is durable.

        ``work`` is called in one of the threads that wait here. ``alone`` is as of
        :func:`~retain.database.writing`.

        Raises:
            StoreUnavailable: nothing was kept; nor what came with it.
            Exception: what ``work`` raised; what it did is undone, and nothing else.
        """
        if self._engine.dialect.name != "sqlite":
            with writing(self._engine, alone=alone) as connection:
                return work(connection)
        job = _Job(work)
        with self._guard:
            self._queue.append(job)
            leads, self._led = not self._led, True
        if not leads:
            job.woken.wait()
        if not job.is_settled:
            self._lead()
        return job.result()

    def _lead(self) -> None:
        """Do what waits, in one transaction, and wake who waited for it and who is next."""
        jobs: list[_Job[Any]] = []
        try:
            with writing(self._engine) as connection:
                jobs = self._taken()
                for job in jobs:
                    job.run(connection)
        except BaseException as error:  # noqa: BLE001 - raised in every thread that waits
            # they have waited as long as this one
            for job in jobs or (jobs := self._taken()):
                job.error = error
        with self._guard:
            following = self._queue[0] if self._queue else None
            self._led = following is not None
        if following is not None:
            following.woken.set()
        for job in jobs:
            job.settle()

    def _taken(self) -> "list[_Job[Any]]":
        with self._guard:
            return [self._queue.popleft() for _ in range(min(len(self._queue), MOST))]


class _Job(Generic[Result]):
    """What one thread wants done, and what came of it."""

    def __init__(self, work: Callable[[Connection], Result]) -> None:
        self._work = work
        self._result: Result | None = None
        self.error: BaseException | None = None
        self.is_settled = False
        self.woken = Event()

    def run(self, connection: Connection) -> None:
        """Do it, or nothing of it."""
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            self._result = self._work(connection)
        except DBAPIError:
            # what SQLite is still in after it is not known: everything is undone
            raise
        except Exception as error:  # noqa: BLE001 - raised by result()
            connection.exec_driver_sql("ROLLBACK TO one")
            self.error = error
        connection.exec_driver_sql("RELEASE one")

    def settle(self) -> None:
        """It is durable, or failed."""
        self.is_settled = True
        self.woken.set()

    def result(self) -> Result:
        """What it returned, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return cast(Result, self._result)
