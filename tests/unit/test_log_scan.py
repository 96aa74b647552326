"""Scanning a log gives what reading it row by row gives."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from retain import arrow_pool
from retain.arrow_pool import ArrowPool, pool_of
from retain.database import connect
from retain.eventlog import LOGGED_SCHEMA, EventLog
from retain.log_scan import scan
from tests.tiny_shop import shop


@pytest.mark.parametrize("where", ["file", "memory"])
@pytest.mark.parametrize("seq", [0, 17])
def test_a_scan_gives_the_rows_nulls_and_types_of_the_log(
    tmp_path: Path, where: str, seq: int
) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}" if where == "file" else "sqlite://"
    log = EventLog(connect(url))
    log.append(shop(20))
    scanned = list(scan(log, seq, chunk=40))
    assert len(scanned) > 2
    assert all(chunk.schema.equals(LOGGED_SCHEMA) for chunk in scanned)
    assert pa.concat_tables(scanned).equals(pa.concat_tables(log.after(seq)))


def test_a_scan_of_an_empty_log_gives_nothing(tmp_path: Path) -> None:
    assert list(scan(EventLog(connect(f"sqlite:///{tmp_path / 'log.db'}")), 0)) == []


def test_every_reader_of_a_log_shares_connections_that_stay_open(tmp_path: Path) -> None:
    # closing one would give up the locks of the whole process on the file
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    pool = pool_of(engine)
    list(scan(EventLog(engine), 0))
    assert pool_of(engine) is pool
    assert not pool._idle.empty()
    engine.dispose()
    assert pool._idle.empty()


def test_threads_that_ask_for_the_connections_at_once_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2)

    class Slow(ArrowPool):
        def __init__(self, engine: Engine) -> None:
            super().__init__(engine)
            both.wait(30)

    monkeypatch.setattr(arrow_pool, "ArrowPool", Slow)
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(pool_of, [engine, engine])
    assert one is other
    engine.dispose()
