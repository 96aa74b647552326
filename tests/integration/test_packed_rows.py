"""The fast reads and writes of packed rows, on a real SQLite file and a real Redis."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_sqlite import SqliteRows
from feature_repo.packed_view import PackedView
from feature_repo.packed_writer import materialize_parquet, write_views
from retain.clock import to_micros
from retain.errors import FingerprintMismatch, InvalidInput, StoreUnavailable, UnreadableFile
from tests.redis_server import free_port, redis_server, require_redis

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

ORDERS = PackedView(
    "orders",
    PackedSchema.of(
        [("spend", "float64"), ("last_at", "int64"), ("vip", "bool"), ("products", "strings")]
    ),
    null_defaults={"spend": 0.0},
)
PROFILE = PackedView("profile", PackedSchema.of([("country", "string"), ("age", "int32")]))
VIEWS = (ORDERS, PROFILE)

Make = Callable[..., PackedBackend]


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield port


@pytest.fixture(params=["sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the store of this test, again and again as separate processes would."""
    if request.param == "sqlite":
        return lambda: SqliteRows(tmp_path / "online.db", "shop")
    port = request.getfixturevalue("redis_port")
    from feature_repo.packed_redis import RedisRows

    return lambda: RedisRows(f"redis://127.0.0.1:{port}", tmp_path.name, read_timeout=5.0)


@pytest.fixture
def backend(make: Make) -> PackedBackend:
    return make()


@pytest.fixture
def reader(backend: PackedBackend) -> PackedReader:
    return PackedReader(backend, VIEWS)


def write_arrow(backend: PackedBackend, view: PackedView, table: pa.Table) -> None:
    write_views(backend, {view: table})


def at_columns(customers: list[str], at: datetime) -> dict[str, pa.Array]:
    times = pa.array([to_micros(at)] * len(customers), pa.int64()).cast(pa.timestamp("us", "UTC"))
    return {"customer_id": pa.array(customers, pa.string()), "event_timestamp": times}


def orders(customers: list[str], at: datetime = T0, *, spend: float | None = None) -> pa.Table:
    count = len(customers)
    return pa.table(
        {
            **at_columns(customers, at),
            "spend": pa.array(
                [float(n) if spend is None else spend for n in range(count)], pa.float64()
            ),
            "last_at": pa.array([None if n % 3 == 0 else n for n in range(count)], pa.int64()),
            "vip": pa.array([n % 2 == 0 for n in range(count)]),
            "products": pa.array([[f"p{n}", "ü"][: n % 3] for n in range(count)]),
        }
    )


def profile(customers: list[str], at: datetime = T0) -> pa.Table:
    count = len(customers)
    country = pa.array([["DE", None, ""][n % 3] for n in range(count)], pa.string())
    age = pa.array([n if n % 2 else None for n in range(count)], pa.int32())
    return pa.table({**at_columns(customers, at), "country": country, "age": age})


def spend(reader: PackedReader, *customers: str, at: datetime = T0) -> list[float]:
    return reader.read_matrix(customers, ["spend"], at).values[:, 0].tolist()


def test_a_matrix_is_in_the_order_of_the_names_and_of_the_customers(
    backend: PackedBackend, reader: PackedReader
) -> None:
    write_views(backend, {ORDERS: orders(["a", "b", "c"]), PROFILE: profile(["a", "b", "c"])})
    read = reader.read_matrix(["c", "a", "b", "c"], ["age", "vip", "spend", "last_at"], T0)
    nan = np.nan
    expected = [[nan, 1, 2, 2], [nan, 1, 0, nan], [1, 0, 1, 1], [nan, 1, 2, 2]]
    np.testing.assert_array_equal(read.values, expected)
    assert read.ages.views == ("orders", "profile")
    assert (read.ages.event_us == to_micros(T0)).all()
    assert read.ages.present.all()


def test_a_table_holds_every_stored_column_as_it_was_written(
    backend: PackedBackend, reader: PackedReader
) -> None:
    customers = [f"c{n}" for n in range(7)]
    write_views(backend, {ORDERS: orders(customers), PROFILE: profile(customers)})
    read = reader.read_table(customers[::-1], T0).table
    read.validate(full=True)
    lines = {**orders(customers).to_pydict(), **profile(customers).to_pydict()}
    assert read.to_pydict() == {
        name: values[::-1] for name, values in lines.items() if name != "event_timestamp"
    }


def test_columns_come_in_the_order_a_view_declares(backend: PackedBackend) -> None:
    view = replace(ORDERS, order=("vip", "products", "spend", "last_at"))
    write_arrow(backend, view, orders(["a"]))
    table = PackedReader(backend, [view]).read_table(["a"], T0).table
    assert table.column_names == ["customer_id", "vip", "products", "spend", "last_at"]


def test_a_customer_without_a_row_is_missing_everywhere(
    backend: PackedBackend, reader: PackedReader
) -> None:
    write_arrow(backend, ORDERS, orders(["a", "b"]))
    matrix = reader.read_matrix(["nobody", "b"], ["spend", "age"], T0)
    np.testing.assert_array_equal(matrix.values, [[np.nan, np.nan], [1.0, np.nan]])
    assert matrix.ages.present.tolist() == [[False, False], [True, False]]
    assert matrix.ages.event_us[0].tolist() == [NO_TIME, NO_TIME]
    table = reader.read_table(["nobody", "b"], T0).table
    assert table["products"].to_pylist() == [None, ["p1"]]
    assert table["country"].to_pylist() == [None, None]


def test_a_store_that_was_never_written_has_nobody(reader: PackedReader) -> None:
    assert not reader.read_table(["a", "b"], T0).ages.present.any()
    assert reader.read_table([], T0).table.num_rows == 0


def test_an_older_row_never_replaces_a_newer_one(
    backend: PackedBackend, reader: PackedReader
) -> None:
    write_arrow(backend, ORDERS, orders(["a"], T0, spend=1.0))
    write_arrow(backend, ORDERS, orders(["a"], T0 - timedelta(microseconds=1), spend=2.0))
    assert spend(reader, "a") == [1.0]


def test_a_correction_of_the_same_moment_wins(backend: PackedBackend, reader: PackedReader) -> None:
    write_arrow(backend, ORDERS, orders(["a"], T0, spend=1.0))
    write_arrow(backend, ORDERS, orders(["a"], T0, spend=2.0))
    assert spend(reader, "a") == [2.0]


def test_each_view_of_one_write_is_kept_or_replaced_by_its_own_age(
    backend: PackedBackend, reader: PackedReader
) -> None:
    write_views(backend, {ORDERS: orders(["a"], T0, spend=1.0), PROFILE: profile(["a"], T0 - HOUR)})
    write_views(backend, {ORDERS: orders(["a"], T0 - HOUR, spend=2.0), PROFILE: profile(["a"], T0)})
    read = reader.read_table(["a"], T0)
    assert read.table["spend"].to_pylist() == [1.0]
    assert (read.ages.event_us == to_micros(T0)).all()


def test_a_view_written_alone_leaves_the_others(
    backend: PackedBackend, reader: PackedReader
) -> None:
    customers = [f"c{n}" for n in range(300)]
    write_views(backend, {ORDERS: orders(customers), PROFILE: profile(customers)})
    write_arrow(backend, PROFILE, profile(customers[:5], T0 + HOUR))
    read = reader.read_table(customers, T0)
    assert read.table["spend"].to_pylist() == [float(n) for n in range(300)]
    assert read.table["country"].to_pylist()[:3] == ["DE", None, ""]


def test_a_stale_view_reads_its_null_defaults_and_is_named(backend: PackedBackend) -> None:
    reader = PackedReader(backend, [replace(ORDERS, ttl=HOUR), PROFILE])
    write_views(backend, {ORDERS: orders(["a", "b"]), PROFILE: profile(["a", "b"])})
    write_arrow(backend, ORDERS, orders(["b"], T0 + HOUR, spend=7.0))
    later = T0 + HOUR + timedelta(microseconds=1)
    matrix = reader.read_matrix(["a", "b", "nobody"], ["spend", "last_at"], later)
    np.testing.assert_array_equal(matrix.values, [[0.0, np.nan], [7.0, np.nan], [np.nan, np.nan]])
    assert [matrix.ages.stale_views(row) for row in range(3)] == [["orders"], [], []]
    table = reader.read_table(["a", "b", "nobody"], later)
    assert table.table["spend"].to_pylist() == [0.0, 7.0, None]
    assert table.table["products"].to_pylist() == [None, [], None]
    assert table.ages.stale_views(0) == ["orders"]


def test_a_row_exactly_as_old_as_its_time_to_live_still_holds(backend: PackedBackend) -> None:
    reader = PackedReader(backend, [replace(ORDERS, ttl=HOUR)])
    write_arrow(backend, ORDERS, orders(["a"], spend=3.0))
    assert spend(reader, "a", at=T0 + HOUR) == [3.0]


def test_a_row_of_another_schema_is_an_error(backend: PackedBackend) -> None:
    write_arrow(backend, ORDERS, orders(["a", "b"]))
    other = replace(ORDERS, schema=PackedSchema.of([("spend", "float64")]))
    with pytest.raises(FingerprintMismatch, match="orders"):
        PackedReader(backend, [other]).read_matrix(["b"], ["spend"], T0)
    with pytest.raises(FingerprintMismatch, match="orders"):
        PackedReader(backend, [other]).read_table(["b"], T0)


def test_a_name_that_is_not_stored_is_an_error(reader: PackedReader) -> None:
    with pytest.raises(FingerprintMismatch, match="shoe_size"):
        reader.read_matrix(["a"], ["spend", "shoe_size"], T0)


def test_a_text_is_no_number(reader: PackedReader) -> None:
    with pytest.raises(InvalidInput, match="country"):
        reader.read_matrix(["a"], ["country"], T0)


@pytest.mark.parametrize("count", [1, 257, 10_000])
def test_any_number_of_customers_is_one_read(
    backend: PackedBackend, reader: PackedReader, count: int
) -> None:
    customers = [f"c{n}" for n in range(count)]
    write_views(backend, {ORDERS: orders(customers), PROFILE: profile(customers)})
    assert spend(reader, *customers) == [float(n) for n in range(count)]
    table = reader.read_table(customers, T0).table
    table.validate(full=True)
    assert table["products"].to_pylist() == orders(customers)["products"].to_pylist()


def test_tables_of_different_customers_are_not_written_together(backend: PackedBackend) -> None:
    with pytest.raises(InvalidInput):
        write_views(backend, {ORDERS: orders(["a"]), PROFILE: profile(["b"])})


@pytest.mark.parametrize("column", ["customer_id", "event_timestamp", "spend"])
def test_a_missing_column_is_named(backend: PackedBackend, column: str) -> None:
    with pytest.raises(InvalidInput) as error:
        write_arrow(backend, ORDERS, orders(["a"]).drop_columns([column]))
    assert error.value.field == column


def snapshots(
    folder: Path, customers: list[str], at: datetime = T0
) -> dict[PackedView, list[Path]]:
    files = {}
    for view, table in ((ORDERS, orders(customers, at)), (PROFILE, profile(customers, at))):
        files[view] = [folder / f"{view.name}-{at:%H%M}.parquet"]
        pq.write_table(table, files[view][0])
    return files


def test_a_snapshot_is_loaded_whole_and_says_how_far_it_is(
    backend: PackedBackend, reader: PackedReader, tmp_path: Path
) -> None:
    customers = [f"c{n}" for n in range(25_000)]
    told: list[tuple[str, int, int]] = []
    files = snapshots(tmp_path, customers)
    assert materialize_parquet(backend, files, lambda *step: told.append(step)) == 25_000
    assert told[0][0] == "materialize"
    assert [step[1:] for step in told] == [(10_000, 25_000), (20_000, 25_000), (25_000, 25_000)]
    assert spend(reader, "c0", "c24999") == [0.0, 24_999.0]
    assert reader.read_table(["c24999"], T0).table["age"].to_pylist() == [24_999]


def test_a_stopped_load_goes_on_where_it_was(make: Make, tmp_path: Path) -> None:
    customers = [f"c{n}" for n in range(25_000)]
    files = snapshots(tmp_path, customers)

    def stop(_label: str, done: int, _total: int) -> None:
        if done == 20_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize_parquet(make(), files, stop)
    told: list[int] = []
    assert materialize_parquet(make(), files, lambda *step: told.append(step[1])) == 25_000
    assert told == [25_000]
    reader = PackedReader(make(), VIEWS)
    assert spend(reader, *customers) == [float(n) for n in range(25_000)]


def test_a_load_that_ended_can_be_repeated(make: Make, tmp_path: Path) -> None:
    files = snapshots(tmp_path, ["a", "b"])
    assert [materialize_parquet(make(), files) for _ in range(2)] == [2, 2]


def test_a_load_leaves_what_is_newer(
    backend: PackedBackend, reader: PackedReader, tmp_path: Path
) -> None:
    write_arrow(backend, ORDERS, orders(["b"], T0 + HOUR, spend=77.0))
    materialize_parquet(backend, snapshots(tmp_path, ["a", "b", "c"]))
    assert spend(reader, "a", "b", "c") == [0.0, 77.0, 2.0]


def test_snapshots_of_different_customers_are_loaded_view_by_view(
    backend: PackedBackend, reader: PackedReader, tmp_path: Path
) -> None:
    files = snapshots(tmp_path, ["a", "b"])
    pq.write_table(profile(["b", "z", "y"]), files[PROFILE][0])
    materialize_parquet(backend, files)
    assert reader.read_table(["a", "b", "z"], T0).ages.present.tolist() == [
        [True, False],
        [True, True],
        [False, True],
    ]


def test_a_snapshot_that_is_no_parquet_says_so(backend: PackedBackend, tmp_path: Path) -> None:
    files = snapshots(tmp_path, ["a"])
    files[ORDERS][0].write_text("nothing")
    with pytest.raises(UnreadableFile, match="orders"):
        materialize_parquet(backend, files)
    with pytest.raises(UnreadableFile, match="absent"):
        materialize_parquet(backend, {ORDERS: [tmp_path / "absent.parquet"]})


def test_no_read_fails_or_mixes_moments_while_a_snapshot_is_loaded(
    make: Make, tmp_path: Path
) -> None:
    customers = [f"c{n}" for n in range(2_000)]
    materialize_parquet(make(), snapshots(tmp_path, customers))
    loads = [snapshots(tmp_path, customers, T0 + n * HOUR) for n in range(1, 6)]

    def read_until(done: Callable[[], bool]) -> int:
        reader, reads = PackedReader(make(), VIEWS), 0
        while not done() or not reads:
            ages = reader.read_table(customers[::40], T0).ages
            assert ages.present.all()
            assert (ages.event_us[:, 0] == ages.event_us[:, 1]).all()
            reads += 1
        return reads

    with ThreadPoolExecutor(3) as pool:
        load = pool.submit(lambda: [materialize_parquet(make(), files) for files in loads])
        readers = [pool.submit(read_until, load.done) for _ in range(2)]
        assert load.result() == [2_000] * 5
        assert all(reading.result() for reading in readers)
    assert (
        PackedReader(make(), VIEWS).read_table(customers, T0).ages.event_us
        == to_micros(T0 + 5 * HOUR)
    ).all()


def test_writers_of_different_views_at_once_lose_nothing(make: Make) -> None:
    customers = [f"c{n}" for n in range(400)]

    def write(view: PackedView, table: Callable[..., pa.Table]) -> None:
        backend = make()
        for n in range(10):
            write_arrow(backend, view, table(customers, T0 + n * HOUR))

    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(write, ORDERS, orders), pool.submit(write, PROFILE, profile)]:
            job.result()
    ages = PackedReader(make(), VIEWS).read_table(customers, T0).ages
    assert (ages.event_us == to_micros(T0 + 9 * HOUR)).all()


def test_a_view_that_is_dropped_leaves_the_others(
    backend: PackedBackend, make: Make, reader: PackedReader
) -> None:
    write_views(backend, {ORDERS: orders(["a"]), PROFILE: profile(["a"])})
    assert reader.read_table(["a"], T0).ages.present.tolist() == [[True, True]]
    make().drop_view("orders")
    assert reader.read_table(["a"], T0).ages.present.tolist() == [[False, True]]


def test_after_clearing_nothing_is_left_and_writing_goes_on(
    backend: PackedBackend, make: Make, reader: PackedReader
) -> None:
    customers = [f"c{n}" for n in range(300)]
    write_arrow(backend, ORDERS, orders(customers))
    make().clear()
    assert not reader.read_table(customers, T0).ages.present.any()
    write_arrow(backend, ORDERS, orders(customers))
    assert PackedReader(make(), VIEWS).read_table(customers, T0).ages.present[:, 0].all()


def test_a_locked_or_broken_sqlite_file_is_store_unavailable(tmp_path: Path) -> None:
    (tmp_path / "online.db").write_bytes(b"this is no database, whatever its name says" * 100)
    reader = PackedReader(SqliteRows(tmp_path / "online.db", "shop"), VIEWS)
    with pytest.raises(StoreUnavailable):
        reader.read_table(["a"], T0)


def redis_reader(port: int, **options: Any) -> PackedReader:
    from feature_repo.packed_redis import RedisRows

    return PackedReader(RedisRows(f"redis://127.0.0.1:{port}", "shop", **options), VIEWS)


def test_a_redis_that_is_not_there_is_store_unavailable() -> None:
    require_redis()
    with pytest.raises(StoreUnavailable):
        redis_reader(free_port()).read_table(["a"], T0)


def test_a_frozen_redis_costs_one_timeout_not_many(tmp_path: Path) -> None:
    require_redis()
    with redis_server(tmp_path) as (port, process):
        reader = redis_reader(port, read_timeout=0.05)
        process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                reader.read_table(["a"], T0)
            # redis-py's own defaults would wait without end, or three times over
            assert time.monotonic() - started < 2
        finally:
            process.send_signal(signal.SIGCONT)


def test_after_one_timeout_reads_fail_at_once_until_redis_answers_again(tmp_path: Path) -> None:
    require_redis()
    with redis_server(tmp_path) as (port, process):
        reader = redis_reader(port, read_timeout=0.5)
        reader.read_table(["a"], T0)
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                reader.read_table(["a"], T0)
            started = time.monotonic()
            for _ in range(10):
                with pytest.raises(StoreUnavailable):
                    reader.read_table(["a"], T0)
            assert time.monotonic() - started < 1
        finally:
            process.send_signal(signal.SIGCONT)
        assert read_within(reader, 10)


def test_a_write_succeeds_while_reads_still_fail_at_once(tmp_path: Path) -> None:
    require_redis()
    with redis_server(tmp_path) as (port, process):
        from feature_repo.packed_redis import RedisRows

        url = f"redis://127.0.0.1:{port}"
        write_arrow(RedisRows(url, "shop"), PROFILE, profile(["a"]))
        rows = RedisRows(url, "shop", write_timeout=10.0)
        reader = PackedReader(rows, VIEWS)
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                reader.read_table(["a"], T0)
        finally:
            process.send_signal(signal.SIGCONT)
        # merging with what is stored needs its book, which this one has not read yet
        write_arrow(rows, ORDERS, orders(["a"]))
        assert read_within(reader, 10)
        assert reader.read_table(["a"], T0).ages.present.all()


def read_within(reader: PackedReader, seconds: float) -> bool:
    """Whether a read succeeds in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            reader.read_table(["a"], T0)
        except StoreUnavailable:
            time.sleep(0.1)
        else:
            return True
    return False
