"""Group commit: threads that write at once, one transaction of SQLite, and nothing mixed up."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from retain.database import connect, reading, writing
from retain.errors import Conflict, StoreUnavailable
from retain.group_commit import GroupCommit

CLIENTS = 12


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/retain.db")
    with writing(made) as connection:
        connection.exec_driver_sql("CREATE TABLE told (who INTEGER, seen INTEGER)")
    yield made
    made.dispose()


def tell(who: int) -> Callable[[Connection], int]:
    """Notes ``who``; returns how many were there before."""

    def work(connection: Connection) -> int:
        seen: int = connection.exec_driver_sql("SELECT count(*) FROM told").scalar_one()
        connection.exec_driver_sql("INSERT INTO told VALUES (?, ?)", (who, seen))
        return seen

    return work


def behind_one_that_waits(engine: Engine, works: list[Callable[[Connection], int]]) -> list[object]:
    """What became of each, all of them waiting while a first one has its turn."""
    group, go, begun = GroupCommit(engine), threading.Event(), threading.Event()

    def first(_: Connection) -> int:
        begun.set()
        go.wait(10)
        return -1

    def outcome(work: Callable[[Connection], int]) -> object:
        try:
            return group.run(work, alone="")
        except Exception as error:  # noqa: BLE001 - it is what is asked about
            return error

    with ThreadPoolExecutor(len(works) + 1) as threads:
        leading = threads.submit(group.run, first, alone="")
        begun.wait(10)
        waiting = [threads.submit(outcome, work) for work in works]
        while len(group._queue) < len(works):
            pass
        go.set()
        leading.result(10)
        return [one.result(10) for one in waiting]


def stored(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        return list(connection.exec_driver_sql("SELECT who FROM told ORDER BY seen").scalars())


def test_those_that_wait_share_one_commit_and_each_sees_those_before_it(engine: Engine) -> None:
    commits = []
    event.listen(engine, "commit", commits.append)

    seen = behind_one_that_waits(engine, [tell(who) for who in range(CLIENTS)])

    assert sorted(map(int, map(str, seen))) == list(range(CLIENTS))
    assert sorted(stored(engine)) == list(range(CLIENTS))
    assert len(commits) == 2


def test_one_that_is_refused_undoes_what_it_did_and_nothing_else(engine: Engine) -> None:
    def refused(connection: Connection) -> int:
        tell(99)(connection)
        raise Conflict("used before", remedy="use another")

    seen = behind_one_that_waits(engine, [tell(1), refused, tell(2)])

    assert isinstance(seen[1], Conflict)
    assert sorted(stored(engine)) == [1, 2]


def test_when_the_database_fails_nothing_of_the_commit_is_kept_and_all_are_told(
    engine: Engine,
) -> None:
    def failing(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
        return 0

    seen = behind_one_that_waits(engine, [tell(1), failing, tell(2)])

    assert [type(one) for one in seen] == [StoreUnavailable] * 3
    assert stored(engine) == []
    assert GroupCommit(engine).run(tell(3), alone="") == 0


def test_many_threads_at_once_are_all_answered(engine: Engine) -> None:
    group = GroupCommit(engine)
    with ThreadPoolExecutor(CLIENTS) as threads:
        seen = list(threads.map(lambda who: group.run(tell(who), alone=""), range(CLIENTS * 20)))

    assert sorted(seen) == list(range(CLIENTS * 20))
    assert sorted(stored(engine)) == list(range(CLIENTS * 20))
