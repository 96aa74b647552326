"""What is stored and is no row of ours, or no longer: an error that says what to do."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from feature_repo import packed_view
from feature_repo.materialize import materialize
from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_home import online_rows
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_redis import RedisRows
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_sqlite import SqliteRows
from feature_repo.packed_view import PackedView, stored_views
from feature_repo.packed_writer import write_views
from retain.clock import to_micros
from retain.errors import FingerprintMismatch
from retain.settings import Settings
from tests.redis_server import redis_server, require_redis
from tests.tiny_home import AS_OF, make_home

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDERS = PackedView("orders", PackedSchema.of([("spend", "float64"), ("city", "string")]))
VIEWS = (ORDERS, PackedView("profile", PackedSchema.of([("age", "float64")])))


def table(at: datetime, spend: float, count: int = 1) -> pa.Table:
    times = pa.array([to_micros(at)] * count, pa.int64()).cast(pa.timestamp("us", "UTC"))
    customers = [f"c{number}" for number in range(count)]
    columns = {"spend": [spend] * count, "age": [spend] * count, "city": ["Zürich"] * count}
    return pa.table({"customer_id": customers, "event_timestamp": times, **columns})


def write(backend: PackedBackend, at: datetime, spend: float, count: int = 1) -> None:
    write_views(backend, {view: table(at, spend, count) for view in VIEWS})


def read(backend: PackedBackend) -> tuple[list[float], list[str]]:
    reader = PackedReader(backend, VIEWS)
    matrix = reader.read_matrix(["c0"], ["spend", "age"], T0).values[0].tolist()
    return matrix, reader.read_table(["c0"], T0).table["city"].to_pylist()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield f"redis://127.0.0.1:{port}"


FOREIGN = {
    "nothing": lambda old: b"",
    "a text": lambda old: "not a row",
    "a few bytes": lambda old: b"\x01\x02",
    "other bytes of its length": lambda old: b"\xa5" * len(old),
    "its first half": lambda old: old[: len(old) // 2],
    "all but its last byte": lambda old: old[:-1],
}


@pytest.mark.parametrize("damage", FOREIGN.values(), ids=FOREIGN)
def test_a_damaged_cell_of_sqlite_is_named_and_written_over(
    tmp_path: Path, damage: Callable[[bytes], object]
) -> None:
    path = tmp_path / "packed.db"
    write(SqliteRows(path, "shop"), T0, 1.0)
    with sqlite3.connect(path) as connection:
        [[old]] = connection.execute('SELECT "view orders" FROM "packed shop customer_id"')
        connection.execute('UPDATE "packed shop customer_id" SET "view orders" = ?', (damage(old),))
    connection.close()
    with pytest.raises(FingerprintMismatch) as error:
        read(SqliteRows(path, "shop"))
    assert "materialize" in error.value.remedy
    write(SqliteRows(path, "shop"), T0 + HOUR, 2.0)
    assert read(SqliteRows(path, "shop")) == ([2.0, 2.0], ["Zürich"])


@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize(
    "damage",
    [*FOREIGN.values(), lambda old: old[:-20] + bytes([old[-20] ^ 4]) + old[-19:]],
    ids=[*FOREIGN, "one bit"],
)
def test_a_damaged_value_of_redis_is_named_and_written_over(
    redis_url: str, tmp_path: Path, damage: Callable[[bytes], object], count: int
) -> None:
    import redis

    write(RedisRows(redis_url, tmp_path.name), T0, 1.0, count)
    client = redis.Redis.from_url(redis_url)
    [key] = client.scan_iter(f"{tmp_path.name}:*:sc0")
    client.set(key, damage(client.get(key)))
    with pytest.raises(FingerprintMismatch) as error:
        read(RedisRows(redis_url, tmp_path.name))
    assert "materialize" in error.value.remedy
    write(RedisRows(redis_url, tmp_path.name), T0 + HOUR, 2.0, count)
    assert read(RedisRows(redis_url, tmp_path.name)) == ([2.0, 2.0], ["Zürich"])


def test_a_key_of_another_type_is_nobody_and_written_over(redis_url: str, tmp_path: Path) -> None:
    import redis

    client = redis.Redis.from_url(redis_url)
    write(RedisRows(redis_url, tmp_path.name), T0, 1.0)
    [key] = client.scan_iter(f"{tmp_path.name}:*:sc0")
    client.delete(key)
    client.hset(key, "a", "b")
    assert read(RedisRows(redis_url, tmp_path.name))[1] == [None]
    write(RedisRows(redis_url, tmp_path.name), T0, 2.0)
    assert read(RedisRows(redis_url, tmp_path.name)) == ([2.0, 2.0], ["Zürich"])


def test_values_whose_dictionary_was_lost_are_named_and_written_over(
    redis_url: str, tmp_path: Path
) -> None:
    import redis

    write(RedisRows(redis_url, tmp_path.name), T0, 1.0, 300)
    redis.Redis.from_url(redis_url).delete(f"{tmp_path.name} books customer_id")
    with pytest.raises(FingerprintMismatch, match="damaged"):
        read(RedisRows(redis_url, tmp_path.name))
    write(RedisRows(redis_url, tmp_path.name), T0, 2.0, 300)
    assert read(RedisRows(redis_url, tmp_path.name)) == ([2.0, 2.0], ["Zürich"])


@pytest.fixture(params=["sqlite", "redis"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> PackedBackend:
    if request.param == "sqlite":
        return SqliteRows(tmp_path / "packed.db", "shop")
    return RedisRows(request.getfixturevalue("redis_url"), tmp_path.name)


def defined(definition: str) -> PackedView:
    return replace(ORDERS, schema=PackedSchema.of(ORDERS.schema.fields, definition))


def test_rows_of_other_sql_are_never_read_and_always_written_over(backend: PackedBackend) -> None:
    old, new = defined("sum(value)"), defined("sum(net)")
    write_views(backend, {old: table(T0, 1.0)})
    with pytest.raises(FingerprintMismatch, match="orders"):
        PackedReader(backend, [new]).read_table(["c0"], T0)
    # also by a row of an earlier moment: what other SQL computed never stays
    write_views(backend, {new: table(T0 - HOUR, 2.0)})
    read = PackedReader(backend, [new]).read_matrix(["c0"], ["spend"], T0)
    assert read.values.tolist() == [[2.0]]


def test_after_a_feature_changed_materialising_is_all_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home: Settings = make_home(tmp_path, 5)
    monkeypatch.setattr(packed_view, "view_fingerprint", lambda view: "changed")
    reader = PackedReader(online_rows(home), stored_views())
    with sqlite3.connect(home.feast / "packed.db") as connection:
        [[someone], *_] = connection.execute('SELECT key FROM "packed retain customer_id"')
    connection.close()
    with pytest.raises(FingerprintMismatch):
        reader.read_table([someone], AS_OF)
    materialize(home, AS_OF - timedelta(days=1))
    assert reader.read_table([someone], AS_OF).ages.present.all()
