"""Transactions commit whole or not at all, and a store that is down says so."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy.exc import IntegrityError

from retain.database import Id, connect, describe, reading, writing
from retain.errors import InvalidInput, StoreUnavailable
from retain.ledger import model_ledger
from retain.waits import PATIENT, SERVING
from tests.postgres_server import PASSWORD, USER, PostgresServer
from tests.redis_server import free_port

Transaction = Callable[[Engine], AbstractContextManager[Connection]]
things = Table("things", MetaData(), Column("id", Integer, primary_key=True))


def test_a_transaction_that_fails_leaves_nothing(database_url: str) -> None:
    engine = connect(database_url)
    with writing(engine) as connection:
        things.create(connection)
        connection.execute(insert(things), [{"id": 1}])
    with pytest.raises(IntegrityError):
        _insert_both(engine)
    with reading(engine) as connection:
        assert list(connection.scalars(select(things.c.id))) == [1]


def _insert_both(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(things), [{"id": 2}])
        connection.execute(insert(things), [{"id": 1}])


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_locked_database_is_an_unavailable_store(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    other = connect(f"sqlite:///{tmp_path / 'retain.db'}", replace(PATIENT, lock_ms=10))
    with (
        writing(engine),
        pytest.raises(StoreUnavailable, match="locked") as caught,
        writing(other),
    ):
        pass
    assert caught.value.remedy


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    connect(f"sqlite:///{tmp_path / 'new' / 'folder' / 'retain.db'}")
    assert (tmp_path / "new" / "folder" / "retain.db").exists()


def test_a_read_is_of_one_moment(database_url: str) -> None:
    engine, other = connect(database_url), connect(database_url)
    with writing(engine) as connection:
        things.create(connection)
    with reading(engine) as connection:
        before = connection.execute(select(things.c.id)).all()
        with writing(other) as writer:
            writer.execute(insert(things), [{"id": 1}])
        assert connection.execute(select(things.c.id)).all() == before
    with reading(engine) as connection:
        assert connection.execute(select(things.c.id)).all() == [(1,)]


def _count(url: str, times: int) -> None:
    engine = connect(url)
    for _ in range(times):
        with writing(engine, alone="counting") as connection:
            last = connection.scalar(select(func.max(things.c.id))) or 0
            connection.execute(insert(things), [{"id": last + 1}])


def test_writers_that_name_one_thing_build_on_each_other(database_url: str) -> None:
    engine = connect(database_url)
    with writing(engine) as connection:
        things.create(connection)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_count, [database_url] * 4, [10] * 4))
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(things)) == 40


def test_processes_that_start_at_once_make_the_tables_together(database_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(_tables, [database_url] * 6))) == 1


def _tables(url: str) -> tuple[str, ...]:
    engine = connect(url)
    with reading(engine) as connection:
        assert connection.execute(select(model_ledger)).all() == []
    return tuple(sorted(inspect(engine).get_table_names()))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("somewhere", "not a URL"),
        ("mysql://u:hush@h/d", "mysql"),
        ("postgresql+asyncpg://u:hush@h/d", "asyncpg"),
    ],
)
def test_a_url_of_no_use_says_what_to_write(url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        connect(url)
    assert "postgresql://" in caught.value.remedy or "postgresql+psycopg" in caught.value.remedy
    assert "hush" not in caught.value.message + caught.value.remedy


def test_without_its_driver_postgresql_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInput, match="psycopg is not installed") as caught:
        connect("postgresql://u:p@127.0.0.1/d")
    assert "retain[postgres]" in caught.value.remedy


def test_the_driver_is_imported_only_where_the_url_asks_for_it(tmp_path: Path) -> None:
    program = (
        "import sys; from retain.database import connect; from retain import eventlog, exclusive;"
        f"connect('sqlite:///{tmp_path / 'retain.db'}'); sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_store_is_described_without_its_password(database_url: str) -> None:
    described = describe(connect(database_url))
    assert described.startswith(("SQLite /", "PostgreSQL "))
    assert PASSWORD not in described


def test_the_plain_scheme_of_postgresql_is_understood(postgres_url: str) -> None:
    engine = connect(postgres_url.replace("postgresql+psycopg:", "postgresql:"))
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "retain"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"


@pytest.mark.parametrize(("right", "wrong"), [(PASSWORD, "hush"), ("/test_", "/none_")])
def test_a_server_that_lets_nobody_in_says_so_and_not_the_password(
    postgres_url: str, right: str, wrong: str
) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        connect(postgres_url.replace(right, wrong))
    assert "RETAIN_DATABASE_URL" in caught.value.remedy
    assert not {"hush", PASSWORD} & set(re.findall(r"\w+", caught.value.message))


def test_a_server_that_is_not_there_is_an_unavailable_store() -> None:
    with pytest.raises(StoreUnavailable, match="did not answer"):
        connect(f"postgresql://u:p@127.0.0.1:{free_port()}/d")


def test_a_user_who_may_not_create_tables_is_told(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    postgres_server.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with pytest.raises(StoreUnavailable, match="permission denied") as caught:
        connect(postgres_url.replace(f"{USER}:{PASSWORD}", "guest:guest"))
    assert "may create tables" in caught.value.remedy


def test_a_session_the_server_ended_is_an_unavailable_store_and_then_a_new_session(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    engine = connect(postgres_url)
    ended = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'retain'"
    )
    with pytest.raises(StoreUnavailable), writing(engine):
        postgres_server.run(ended)
    with writing(engine) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    postgres_server.run(ended)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_on_postgresql_writers_wait_for_those_of_one_name_and_not_for_others(
    postgres_url: str,
) -> None:
    engine = connect(postgres_url, replace(PATIENT, lock_ms=50))
    with writing(engine, alone="customer a"):
        with writing(engine, alone="customer b") as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        with (
            pytest.raises(StoreUnavailable, match="lock timeout") as caught,
            writing(engine, alone="customer a"),
        ):
            pass
    assert "try again" in caught.value.remedy


def test_a_value_postgresql_cannot_hold_is_invalid_input(postgres_url: str) -> None:
    engine = connect(postgres_url)
    with pytest.raises(InvalidInput, match="NUL"), reading(engine) as connection:
        connection.execute(select(literal("a\x00b")))


def test_ids_have_one_order_on_both_stores(database_url: str) -> None:
    named = Table("named", MetaData(), Column("id", Id, primary_key=True))
    engine = connect(database_url)
    with writing(engine) as connection:
        named.create(connection)
        connection.execute(insert(named), [{"id": name} for name in ("b", "a", "C", "_", "é")])
        ordered = connection.scalars(select(named.c.id).order_by(named.c.id)).all()
    assert ordered == ["C", "_", "a", "b", "é"]


def test_a_database_that_cannot_be_opened_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable) as caught:
        connect(f"sqlite:///{tmp_path / 'file' / 'retain.db'}")
    assert "RETAIN_HOME" in caught.value.remedy


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "retain.db").write_text("not a database, but a text of some length" * 50)
    with pytest.raises(StoreUnavailable):
        connect(f"sqlite:///{tmp_path / 'retain.db'}")


@pytest.mark.parametrize("transaction", [reading, writing])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_deleted_or_replaced_in_use_is_an_unavailable_store(
    tmp_path: Path, transaction: Transaction, replaced: bool
) -> None:
    path = tmp_path / "retain.db"
    engine = connect(f"sqlite:///{path}")
    path.rename(tmp_path / "elsewhere.db")
    if replaced:
        connect(f"sqlite:///{path}")
    with (
        pytest.raises(StoreUnavailable, match="deleted or replaced") as caught,
        transaction(engine),
    ):
        pass
    assert "backup" in caught.value.remedy
    assert path.exists() == replaced


def test_what_is_written_while_the_file_goes_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "retain.db"
    engine = connect(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable), writing(engine):
        path.unlink()


def test_a_file_that_is_put_back_serves_again(tmp_path: Path) -> None:
    path = tmp_path / "retain.db"
    engine = connect(f"sqlite:///{path}")
    path.rename(tmp_path / "elsewhere.db")
    (tmp_path / "elsewhere.db").rename(path)
    with writing(engine) as connection:
        things.create(connection)


def test_a_database_in_memory_has_no_file_to_lose() -> None:
    engine = connect("sqlite://")
    for transaction in (writing, reading):
        with transaction(engine) as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_lock_and_the_turn_before_it_are_waited_for_no_longer_than_one_of_them(tmp_path):
    waits = replace(SERVING, lock_ms=800, breaks=False)
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}", waits)
    outside = sqlite3.connect(tmp_path / "retain.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")

    def waited(_number: int) -> float:
        began = monotonic()
        with pytest.raises(StoreUnavailable, match="locked"), writing(engine):
            pass
        return monotonic() - began

    with ThreadPoolExecutor(4) as threads:
        took = list(threads.map(waited, range(4)))
    # one after the other they would take the time of all before them and their own
    assert max(took) < 2 * 0.8
    outside.execute("ROLLBACK")
    with writing(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 800
