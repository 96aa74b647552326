"""Transactions commit whole or not at all, and a store that is down says so."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from retain import database
from retain.database import connect, reading, writing
from retain.errors import StoreUnavailable

Transaction = Callable[[Engine], AbstractContextManager[Connection]]
things = Table("things", MetaData(), Column("id", Integer, primary_key=True))


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'new' / 'folder' / 'retain.db'}")
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


def test_a_locked_database_is_an_unavailable_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    other = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    with (
        writing(engine),
        pytest.raises(StoreUnavailable, match="locked") as caught,
        writing(other),
    ):
        pass
    assert caught.value.remedy


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
