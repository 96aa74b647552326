"""Packed rows beside stock Feast: materialise, bytes per customer, reads."""

import argparse
import json
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureStore, RepoConfig

from feature_repo.definitions import define
from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_redis import RedisRows
from feature_repo.packed_schema import FIXED
from feature_repo.packed_sqlite import SqliteRows
from feature_repo.packed_view import PackedView, stored_views
from feature_repo.packed_writer import materialize_parquet
from feature_repo.stored import stored_rows
from retain.errors import StoreUnavailable
from retain.features.engine import FEATURE_SCHEMA, VIEWS, FeatureEngine
from retain.simulator import simulate

AS_OF = datetime(2026, 10, 31, tzinfo=UTC)
SIMULATED = 3_000
LOADS = 3  # of ours, each into an empty store: a few seconds alone would tell the weather
ABOUT = """
The features are those of a simulated shop, repeated under new customer ids. Stock Feast loads
the same customers, which takes several minutes; with --stock fewer of them, and its time is then
scaled to the same number. Redis is measured in a server of its own where redis-server is
installed. Prints a table and, last, one line of JSON; the exit code is 1 where a bar is missed.
"""
BARS = {
    "sqlite": {"materialize": 50, "bytes": 8, "read_1": 8, "read_1000": 60},
    "redis": {"materialize": 50, "bytes": 8, "read_1": 4, "read_1000": 60},
}


Read = Callable[[list[str]], object]


@dataclass(frozen=True)
class Loaded:
    """A store that was just loaded: seconds per all customers, bytes, and how to read it."""

    name: str
    materialize_s: float
    bytes_per_customer: float
    read: Read


def main() -> None:
    """Measure, print a table, and end with everything as JSON."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--stock", type=int, help="customers for stock Feast (default: all)")
    asked = parser.parse_args()
    asked.stock = min(asked.stock or asked.customers, asked.customers)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        root, url = Path(folder), server.url if server else None
        table = features(asked.customers)
        say(f"{table.num_rows:,} customers x {len(FEATURE_SCHEMA) - 2} stored columns")
        measured: dict[str, Any] = {"customers": table.num_rows, "stock_customers": asked.stock}
        for kind in ["sqlite", "redis"] if url else ["sqlite"]:
            packed, read_table = load_packed(kind, root, table, url)
            stock = load_stock(kind, root, table.slice(0, asked.stock), url, table.num_rows)
            some = sample(table["customer_id"].slice(0, asked.stock).to_pylist(), 1_000)
            measured[kind] = against(kind, packed, stock, read_table, some)
        if server:
            measured["dead_redis_ms"] = dead_redis(server)
        print(json.dumps(measured))
    missed = [f"{k} {bar}" for k in BARS if k in measured for bar in measured[k]["missed"]]
    if missed:
        sys.exit(f"below the bar: {', '.join(missed)}")


def say(line: str) -> None:
    print(line, flush=True)


@dataclass(frozen=True)
class Server:
    """A Redis of our own."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def redis_server(folder: Path) -> Iterator[Server | None]:
    """A server of our own; None where there is no Redis."""
    program = shutil.which("redis-server")
    if program is None:
        say("Redis is not measured: redis-server is not installed")
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        time.sleep(1)
        yield Server(f"redis://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


def features(customers: int) -> pa.Table:
    """A feature table of so many customers."""
    events = pa.concat_tables(list(simulate(min(SIMULATED, customers))))
    with FeatureEngine(events) as engine:
        table = engine.table(engine.customers(AS_OF))
    table = pa.concat_tables([table] * (customers // table.num_rows + 1)).slice(0, customers)
    ids = pa.array([f"c{number:08d}" for number in range(customers)])
    return table.set_column(0, table.schema.field(0), ids)


def load_packed(kind: str, root: Path, table: pa.Table, url: str | None) -> tuple[Loaded, Read]:
    """Our store, and its read into Arrow beside the one into a matrix."""
    views = stored_views()
    files = {view: [snapshot(root / "packed" / kind, view, table)] for view in views}
    backend: PackedBackend = SqliteRows(root / "packed.db", "bench")
    size = sqlite_size(root / "packed.db")
    if kind == "redis":
        backend, size = RedisRows(f"{url}/0", "bench", read_timeout=5.0), redis_size(f"{url}/0")
    empty, loads = size(), []
    for _ in range(LOADS):
        backend.clear()
        loads.append(once(lambda: materialize_parquet(backend, files)))
        say(f"packed {kind}: {table.num_rows:,} customers materialised in {loads[-1]:.2f} s")
    seconds = statistics.median(loads)
    reader = PackedReader(backend, views)
    names = [n for view in views for n, dtype in view.schema.fields if dtype in FIXED]
    used = (size() - empty) / table.num_rows
    loaded = Loaded(
        f"packed {kind}", seconds, used, lambda ids: reader.read_matrix(ids, names, AS_OF)
    )
    return loaded, lambda ids: reader.read_table(ids, AS_OF)


def load_stock(kind: str, root: Path, table: pa.Table, url: str | None, customers: int) -> Loaded:
    """Feast's own store; its time is scaled from the rows of ``table`` to ``customers``."""
    folder = root / "stock" / kind
    for view in stored_views():
        snapshot(folder / "features", view, table)
    online = {"type": "sqlite", "path": str(folder / "online.db")}
    size = sqlite_size(folder / "online.db")
    if kind == "redis":
        address = f"{str(url).removeprefix('redis://')},db=0"
        online, size = {"type": "redis", "connection_string": address}, redis_size(f"{url}/0")
    config = RepoConfig(
        project="bench",
        provider="local",
        registry={"path": str(folder / "registry.db"), "cache_ttl_seconds": 600},
        offline_store={"type": "duckdb"},
        online_store=online,
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    store.apply(define(folder / "features").all())
    empty, seconds = size(), 0.0
    for number, view in enumerate(stored_views(), start=1):
        with redirect_stdout(StringIO()):
            load = partial(store.materialize, AS_OF - timedelta(seconds=1), AS_OF, [view.name])
            seconds += once(load)
        say(
            f"stock {kind}: {number} of {len(VIEWS)} views of {table.num_rows:,} customers "
            f"materialised in {seconds:.0f} s"
        )
    references = [f"{view.name}:{name}" for view in stored_views() for name in view.columns]

    used = (size() - empty) / table.num_rows

    def read(ids: list[str]) -> object:
        return store.get_online_features(references, [{"customer_id": one} for one in ids])

    return Loaded(f"stock {kind}", seconds * customers / table.num_rows, used, read)


def snapshot(folder: Path, view: PackedView, table: pa.Table) -> Path:
    rows = stored_rows(table, view.name)
    rows = rows.append_column("created_timestamp", rows["event_timestamp"])
    path = folder / view.name / "snapshot.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(rows, path)
    return path


def sqlite_size(path: Path) -> Callable[[], int]:
    """Bytes of the file and its journal."""
    return lambda: sum(f.stat().st_size for f in path.parent.glob(f"{path.name}*"))


def redis_size(url: str) -> Callable[[], int]:
    """Bytes the server uses; the database is emptied first."""
    from redis import Redis  # noqa: PLC0415

    client = Redis.from_url(url)
    client.flushdb()
    return lambda: int(dict(client.info("memory"))["used_memory"])


def sample(ids: list[str], count: int) -> list[str]:
    rng = np.random.default_rng(7)
    return [ids[place] for place in rng.choice(len(ids), min(count, len(ids)), replace=False)]


def once(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def in_turns(reads: list[Read], ids: list[str], rounds: int, calls: int) -> list[float]:
    """The median seconds of each; taken in turns, so that other load falls on all of them."""
    seconds: list[list[float]] = [[] for _ in reads]
    for _ in range(rounds):
        for own, read in zip(seconds, reads, strict=True):
            read(ids)
            own.extend(once(partial(read, ids)) for _ in range(calls))
    return [statistics.median(own) for own in seconds]


def against(
    kind: str, packed: Loaded, stock: Loaded, read_table: Read, some: list[str]
) -> dict[str, Any]:
    """How many times better, bar by bar."""
    reads = [packed.read, stock.read, read_table]
    one = in_turns(reads, some[:1], rounds=10, calls=50)
    many = in_turns(reads, some, rounds=5, calls=3)
    rows = {
        "materialize": ("s", stock.materialize_s, packed.materialize_s),
        "bytes": ("B a customer", stock.bytes_per_customer, packed.bytes_per_customer),
        "read_1": ("us", 1e6 * one[1], 1e6 * one[0]),
        "read_1000": ("us", 1e6 * many[1], 1e6 * many[0]),
    }
    say(f"\n{kind:<14}{'stock Feast':>14}{'packed':>12}{'times':>9}{'bar':>6}")
    missed = []
    for name, (unit, theirs, ours) in rows.items():
        ratio, bar = theirs / ours, BARS[kind][name]
        if ratio < bar:
            missed.append(name)
        word = "" if ratio >= bar else "   BELOW THE BAR"
        say(f"  {name:<12}{theirs:>14,.1f}{ours:>12,.1f}{ratio:>9.1f}{bar:>6}   {unit}{word}")
    say(f"  as Arrow, read_1 {1e6 * one[2]:,.0f} us, read_1000 {1e6 * many[2]:,.0f} us\n")
    return {
        "stock": {name: round(theirs, 3) for name, (_, theirs, _) in rows.items()},
        "packed": {name: round(ours, 3) for name, (_, _, ours) in rows.items()},
        "times": {name: round(theirs / ours, 1) for name, (_, theirs, ours) in rows.items()},
        "missed": missed,
    }


def dead_redis(server: Server) -> dict[str, float]:
    """The slowest of ten reads in milliseconds, from a frozen server and from one that is gone."""
    worst = {}
    # one reader each: after a failure a reader does not ask again for a second
    frozen, gone = (
        PackedReader(RedisRows(f"{server.url}/0", "bench"), stored_views()) for _ in range(2)
    )
    server.process.send_signal(signal.SIGSTOP)
    worst["frozen"] = max(once(partial(refused, frozen)) for _ in range(10))
    server.process.send_signal(signal.SIGCONT)
    server.process.kill()
    server.process.wait()
    worst["gone"] = max(once(partial(refused, gone)) for _ in range(10))
    rounded = {name: round(1e3 * seconds, 1) for name, seconds in worst.items()}
    say(f"a read costs at most {rounded['frozen']} ms of a frozen Redis, {rounded['gone']} ms gone")
    return rounded


def refused(reader: PackedReader) -> None:
    with suppress(StoreUnavailable):
        reader.read_table(["c00000001"], AS_OF)


if __name__ == "__main__":
    main()
