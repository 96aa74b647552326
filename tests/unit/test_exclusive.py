"""Of several processes that could do a job, one does, and another takes over from it."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import Engine

from retain.database import connect, reading, writing
from retain.exclusive import Exclusive
from tests.postgres_server import PostgresServer


@pytest.fixture
def engine(database_url: str) -> Engine:
    return connect(database_url)


def test_one_holds_it_until_it_gives_it_up(engine: Engine, tmp_path: Path) -> None:
    first, second = (Exclusive(engine, "refresher", tmp_path) for _ in range(2))
    assert first.holds()
    assert first.holds()
    assert not second.holds()
    first.release()
    assert second.holds()
    assert not first.holds()


def test_two_jobs_do_not_exclude_each_other(engine: Engine, tmp_path: Path) -> None:
    assert Exclusive(engine, "refresher", tmp_path).holds()
    assert Exclusive(engine, "sweeper", tmp_path).holds()


def test_giving_up_what_one_does_not_hold_takes_it_from_nobody(
    engine: Engine, tmp_path: Path
) -> None:
    first, second = (Exclusive(engine, "refresher", tmp_path) for _ in range(2))
    assert first.holds()
    assert not second.holds()
    second.release()
    assert first.holds()
    assert not second.holds()


def _hold(url: str, folder: str, told: Connection) -> None:
    held = Exclusive(connect(url), "refresher", Path(folder))
    told.send(held.holds())
    signal.pause()


def test_a_process_that_is_killed_holds_nothing(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_hold, args=(database_url, str(tmp_path), there))
    process.start()
    assert here.recv()
    mine = Exclusive(engine, "refresher", tmp_path)
    assert not mine.holds()
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    # the system closes the file or the socket; the server's session ends a moment later
    while not mine.holds():
        pass
    assert mine.holds()


def test_on_postgresql_stores_beside_each_other_have_locks_of_their_own(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with postgres_server.database() as one, postgres_server.database() as two:
        assert Exclusive(connect(one), "refresher", tmp_path).holds()
        assert Exclusive(connect(two), "refresher", tmp_path).holds()
        with writing(connect(one)) as connection:
            connection.exec_driver_sql("CREATE SCHEMA other")
        beside = connect(f"{one}?options=-csearch_path%3Dother")
        assert Exclusive(beside, "refresher", tmp_path).holds()


def test_on_postgresql_a_lock_lost_with_its_session_is_noticed(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    engine = connect(postgres_url)
    first, second = (Exclusive(engine, "refresher", tmp_path) for _ in range(2))
    assert first.holds()
    assert not second.holds()
    postgres_server.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
    )
    assert not first.holds()
    assert second.holds()
    assert not first.holds()


def test_on_postgresql_the_lock_is_not_held_by_a_pooled_connection(
    postgres_url: str, tmp_path: Path
) -> None:
    engine = connect(postgres_url)
    held = Exclusive(engine, "refresher", tmp_path)
    assert held.holds()
    engine.dispose()
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert held.holds()
