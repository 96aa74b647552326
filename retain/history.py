"""The event log as day-partitioned Parquet: what training and batch work read.

Exactly once: a batch of the log becomes one part per day, named by the batch's sequence
numbers, and the progress marker is written last. Whatever an interrupted export left
beyond the marker is removed by the next one, and its events are exported again.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retain.duck import connected
from retain.errors import Conflict
from retain.eventlog import LOGGED_SCHEMA, EventLog
from retain.log_scan import scan

Progress = Callable[[int, int], None]

BATCH = 1_000_000
_CHUNK = 50_000
_MEMORY = "256MB"
_MARKER = "exported.json"
_UNFINISHED = ".unfinished"
_SPILL = ".spill-"


def export(log: EventLog, folder: Path, progress: Progress | None = None) -> int:
    """Add to ``folder`` what the log holds beyond the last export; returns how many events.

    ``progress`` is told events done and to do. Parts hold :data:`LOGGED_SCHEMA`, sorted by
    customer and time, under ``day=YYYY-MM-DD``. One export of a folder runs at a time.

    Raises:
        StoreUnavailable: the log cannot be read; what was exported so far stays.
        Conflict: ``folder`` holds the events of another log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        done = exported_seq(folder)
        require_same_log(log, folder)
        _remove_unfinished(folder, done)
        waiting = log.last_seq() - done
        exported = 0
        chunks = scan(log, done, chunk=_CHUNK)
        while (first := next(chunks, None)) is not None:
            with TemporaryDirectory(dir=folder, prefix=_SPILL) as spill:
                batch = _Batch(Path(spill))
                for chunk in chain([first], chunks):
                    batch.add(chunk)
                    if progress:
                        progress(exported + batch.rows, max(waiting, exported + batch.rows))
                    if batch.rows >= BATCH:
                        break
                batch.write(folder)
            _write_marker(folder, batch.last_seq, log.event_id_at(batch.last_seq))
            exported += batch.rows
        return exported


def exported_seq(folder: Path) -> int:
    """The sequence number up to which ``folder`` holds the log, 0 where it holds nothing."""
    return int(_marker(folder).get("last_seq", 0))


def glob(folder: Path) -> str:
    """The pattern that names every part of ``folder``, for DuckDB's ``read_parquet``."""
    return str(folder / "day=*" / "part-*.parquet")


class _Batch:
    def __init__(self, spill: Path) -> None:
        self.rows = 0
        self.first_seq = 0
        self.last_seq = 0
        self._db = connected(memory_limit=_MEMORY, temp_directory=str(spill), threads=2)

    def add(self, chunk: pa.Table) -> None:
        self._db.register("chunk", chunk)
        into = "INSERT INTO batch" if self.rows else "CREATE TABLE batch AS"
        self._db.execute(f"{into} SELECT * FROM chunk")
        self._db.unregister("chunk")
        self.first_seq = self.first_seq or chunk.column("seq")[0].as_py()
        self.last_seq = chunk.column("seq")[-1].as_py()
        self.rows += chunk.num_rows

    def write(self, folder: Path) -> None:
        name = f"part-{self.first_seq:012d}-{self.last_seq:012d}.parquet"
        pieces = chain.from_iterable(_by_day(table) for table in self._sorted())
        for day, parts in groupby(pieces, key=itemgetter(0)):
            path = folder / f"day={day}" / name
            path.parent.mkdir(exist_ok=True)
            unfinished = path.with_suffix(_UNFINISHED)
            with pq.ParquetWriter(unfinished, LOGGED_SCHEMA, compression="zstd") as writer:
                for _, part in parts:
                    writer.write_table(part)
            unfinished.replace(path)
        os.sync()  # a marker that survives a power cut must not outlive the parts it vouches for
        self._db.close()

    def _sorted(self) -> Iterator[pa.Table]:
        result = self._db.sql(
            "SELECT strftime(ts, '%Y-%m-%d') AS day, * FROM batch "
            "ORDER BY day, customer_id, batch.ts, seq"
        )
        for piece in result.to_arrow_reader(_CHUNK):
            yield pa.Table.from_batches([piece])


def _by_day(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    runs = pc.run_end_encode(table.column("day").combine_chunks())
    start = 0
    for day, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield day, table.slice(start, end - start).select(LOGGED_SCHEMA.names).cast(LOGGED_SCHEMA)
        start = end


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_unfinished(folder: Path, done: int) -> None:
    for spill in folder.glob(f"{_SPILL}*"):
        shutil.rmtree(spill, ignore_errors=True)
    for path in folder.glob(f"day=*/*{_UNFINISHED}"):
        path.unlink()
    for path in folder.glob("day=*/part-*.parquet"):
        if int(path.stem.split("-")[1]) > done:
            path.unlink()


def require_same_log(log: EventLog, folder: Path) -> None:
    """Refuse a history whose events are not those of ``log``.

    Raises:
        Conflict: they are not.
    """
    marker = _marker(folder)
    last_seq, last_event_id = marker.get("last_seq", 0), marker.get("last_event_id")
    found = log.event_id_at(last_seq)
    replaced = last_event_id is not None and found not in (None, last_event_id)
    if replaced or log.last_seq() < last_seq:
        raise Conflict(
            f"{folder} was exported from another event log than the one in use",
            remedy="check RETAIN_DATABASE_URL and RETAIN_HOME; where the log was moved on "
            f"purpose, remove {folder} and it is exported anew",
        )


def _marker(folder: Path) -> dict[str, Any]:
    try:
        marker: dict[str, Any] = json.loads((folder / _MARKER).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return marker


def _write_marker(folder: Path, last_seq: int, last_event_id: str | None) -> None:
    unfinished = folder / f"{_MARKER}{_UNFINISHED}"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({"last_seq": last_seq, "last_event_id": last_event_id}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / _MARKER)
