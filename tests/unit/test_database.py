"""Transactions commit whole or not at all, and a store that is down says so."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from retain import database
from retain.database import connect, reading, writing
from retain.errors import StoreUnavailable

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
