"""Packed rows under several processes: first writers at once, one killed, one read meanwhile."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_home import open_rows
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView
from feature_repo.packed_writer import materialize_parquet
from retain.clock import to_micros
from tests.redis_server import redis_server, require_redis

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VIEWS = tuple(
    PackedView(name, PackedSchema.of([(f"{name}_value", "float64"), (f"{name}_text", "string")]))
    for name in ("orders", "profile", "visits")
)
CUSTOMERS = 30_000

WORKER = """
import sys
from datetime import timedelta
from pathlib import Path
from feature_repo.packed_home import open_rows
from feature_repo.packed_writer import materialize_parquet, write_views
from tests.integration.test_packed_processes import T0, VIEWS, snapshots, table

job, url, folder = sys.argv[1:]
rows = open_rows(url, "shop", "customer_id")
if job == "load":
    files = snapshots(Path(folder), T0 + timedelta(hours=1))
    print("ready", flush=True)
    materialize_parquet(rows, files, lambda _, done, total: print(done, flush=True))
else:
    print("ready", flush=True)
    sys.stdin.readline()
    for hour in range(5):
        write_views(rows, {view: table(view, T0 + timedelta(hours=hour), 10) for view in VIEWS})
"""


def table(view: PackedView, at: datetime, count: int = CUSTOMERS) -> pa.Table:
    times = pa.array([to_micros(at)] * count, pa.int64()).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "customer_id": [f"c{number}" for number in range(count)],
            "event_timestamp": times,
            f"{view.name}_value": [float(number) for number in range(count)],
            f"{view.name}_text": ["x" * (number % 7) for number in range(count)],
        }
    )


def snapshots(folder: Path, at: datetime) -> dict[PackedView, list[Path]]:
    files = {view: [folder / f"{view.name}-{at:%H}.parquet"] for view in VIEWS}
    for view, [path] in files.items():
        if not path.exists():
            pq.write_table(table(view, at), path)
    return files


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield port


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'packed.db'}"
    database = request.node.name.count("kill")
    return f"redis://127.0.0.1:{request.getfixturevalue('redis_port')}/{database}"


def opened(url: str) -> PackedBackend:
    return open_rows(url, "shop", "customer_id")


def worker(job: str, url: str, folder: Path) -> "subprocess.Popen[str]":
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, job, url, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_the_first_writers_of_a_new_store_do_not_stand_in_each_others_way(
    url: str, tmp_path: Path
) -> None:
    writers = [worker("write", url, tmp_path) for _ in range(4)]
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in writers:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    ages = PackedReader(opened(url), VIEWS).read_table(["c0", "c9"], T0).ages
    assert (ages.event_us == to_micros(T0 + 4 * HOUR)).all()


def test_a_load_that_is_killed_leaves_every_customer_whole_and_readable_and_goes_on(
    url: str, tmp_path: Path
) -> None:
    materialize_parquet(opened(url), snapshots(tmp_path, T0))
    files = snapshots(tmp_path, T0 + HOUR)
    process = worker("load", url, tmp_path)
    reader = PackedReader(opened(url), VIEWS)
    some = [f"c{number}" for number in range(0, CUSTOMERS, 100)]
    until, reads = time.monotonic() + 60, 0
    assert process.stdout is not None
    while not select.select([process.stdout], [], [], 0)[0] and time.monotonic() < until:
        ages = reader.read_table(some, T0).ages
        assert ages.present.all()
        assert (ages.event_us == ages.event_us[:, :1]).all()
        reads += 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert reads
    ages = reader.read_table([f"c{number}" for number in range(CUSTOMERS)], T0).ages
    assert ages.present.all()
    assert (ages.event_us == ages.event_us[:, :1]).all()
    told: list[int] = []
    materialize_parquet(opened(url), files, lambda _, done, __: told.append(done))
    assert told[-1] == CUSTOMERS
    ages = reader.read_table([f"c{number}" for number in range(CUSTOMERS)], T0).ages
    assert (ages.event_us == to_micros(T0 + HOUR)).all()
