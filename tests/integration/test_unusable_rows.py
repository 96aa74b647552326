"""Rows of another version, or damaged ones, and the customers beside them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feature_repo import packed_view
from feature_repo.online import OnlineReader
from retain.database import connect
from retain.errors import FingerprintMismatch
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.features.reader import LogReader
from retain.settings import Settings, load
from tests.edges import due
from tests.redis_server import redis_server, require_redis

T0 = datetime(2024, 2, 28, 12, tzinfo=UTC)
IDS = [f"c{number}" for number in range(9)]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> None:
    if "redis" in request.node.name:
        import redis

        redis.Redis.from_url(request.getfixturevalue("redis_url")).flushall()


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    given = {}
    if request.param == "redis":
        given["RETAIN_ONLINE_URL"] = request.getfixturevalue("redis_url")
    return load(given, home=tmp_path)


@pytest.fixture
def log(settings: Settings) -> EventLog:
    log = EventLog(connect(settings.database_url))
    log.append(
        to_table([_order(one, T0 - timedelta(days=n), n) for one in IDS for n in range(1, 5)])
    )
    return log


def _order(customer_id: str, at: datetime, number: int) -> Event:
    told = {"event_id": f"{customer_id}-{number}", "customer_id": customer_id, "timestamp": at}
    read = read_event({"type": "purchase", "value": 5, **told}, at)
    assert isinstance(read, Event)
    return read


def _of_another_version(settings: Settings, log: EventLog, ids: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_view, "view_fingerprint", lambda view: "another version")
        OnlineReader(settings, log).write(ids, T0)


@pytest.fixture
def reader(settings: Settings, log: EventLog) -> Iterator[OnlineReader]:
    reader = OnlineReader(settings, log)
    reader.write(IDS, T0)
    yield reader
    reader.close()


def test_rows_of_another_version_are_computed_and_those_beside_them_are_read(
    settings, log, reader
) -> None:
    _of_another_version(settings, log, ["c2", "c7"])
    found = reader.read(IDS, T0)
    assert found.table.equals(LogReader(log).read(IDS, T0).table)
    assert found.unknown == []


def test_a_row_of_another_version_is_written_again_behind_the_request(
    settings, log, reader
) -> None:
    _of_another_version(settings, log, ["c3"])
    reader.read(IDS, T0)
    reader.close()
    assert list(log.pending()) == ["c3"]
    reader.write(["c3"], T0)
    assert due(reader, IDS, T0) == []


def test_the_sweep_finds_rows_of_another_version(settings, log, reader) -> None:
    _of_another_version(settings, log, ["c0", "c4"])
    assert due(reader, IDS, T0) == ["c0", "c4"]


def test_where_nothing_is_computed_a_row_of_another_version_is_an_error(settings, log) -> None:
    _of_another_version(settings, log, IDS)
    frozen = OnlineReader(replace(settings, recompute=False), log)
    with pytest.raises(FingerprintMismatch) as error:
        frozen.read(IDS, T0)
    assert "materialize" in error.value.remedy
