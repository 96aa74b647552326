"""Writing Arrow batches, and whole Parquet snapshots, straight to packed rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_codec import Encoded, Ints, encode
from feature_repo.packed_view import PackedView
from feature_repo.stored import CREATED_TIMESTAMP, EVENT_TIMESTAMP, KEY
from retain.errors import InvalidInput, UnreadableFile

Item = TypeVar("Item")
Batch = tuple[list[str], dict[PackedView, Encoded], bool]
Progress = Callable[[str, int, int], None]
Tables = Mapping[PackedView, pa.Table]

_BATCH = 10_000


def write_views(
    backend: PackedBackend, tables: Tables, *, job: tuple[str, int] | None = None
) -> None:
    """Upsert rows of several views of the same customers, each customer at once.

    Every table has ``customer_id``, ``event_timestamp``, the columns of its view, and, where
    it is known, ``created_timestamp``; line i of each is the same customer. ``job`` is a job's
    name and how far it is once they are written.

    Raises:
        InvalidInput: a column is missing, or the tables are of different customers.
        StoreUnavailable: the store did not answer.
    """
    keys = _keys(tables)
    if keys is None:
        raise InvalidInput("the tables to write are not of the same customers, line by line")
    backend.write(keys, {view: _encoded(view, table) for view, table in tables.items()}, job=job)


def materialize_parquet(
    backend: PackedBackend,
    files: Mapping[PackedView, Sequence[Path]],
    progress: Progress | None = None,
) -> int:
    """Load offline snapshots of views into the store; returns how many rows were read.

    The snapshots of all views are read side by side. Where they list the same customers, as
    those written together do, all views of a customer are replaced at once; else each view is
    by itself. A load that was stopped goes on behind its last written batch; a row that is
    older than what is stored changes nothing.

    Raises:
        UnreadableFile: a snapshot is not there or no Parquet.
        InvalidInput: a snapshot lacks a column.
        StoreUnavailable: the store did not answer; the same call goes on.
    """
    for view in files:
        backend.add_view(view)
    job, total = _job(files), max((_count(paths) for paths in files.values()), default=0)
    done = backend.progress(job)
    read = {view: _batches(paths, done, view) for view, paths in files.items()}
    for together in _ahead(_encoded_batches(read)):
        for keys, rows, last in together:
            done += len(keys) if last else 0
            backend.write(keys, rows, job=(job, done) if last else None)
        if progress:
            progress("materialize", done, total)
    backend.end(job)
    return done


def _encoded_batches(read: Mapping[PackedView, Iterator[pa.Table]]) -> Iterator[list[Batch]]:
    """What is written one after the other before the load is that much further."""
    for batches in zip_longest(*read.values()):
        tables = {
            view: batch for view, batch in zip(read, batches, strict=True) if batch is not None
        }
        keys = _keys(tables)
        if keys is not None:
            rows = {view: _encoded(view, table) for view, table in tables.items()}
            yield [(keys, rows, True)]
        else:
            # the longest last: the job is as far as it is
            apart = sorted(tables.items(), key=lambda item: item[1].num_rows)
            yield [
                (_keys({view: table}) or [], {view: _encoded(view, table)}, view is apart[-1][0])
                for view, table in apart
            ]


def _ahead(batches: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made while the one before is being used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield item


def _encoded(view: PackedView, table: pa.Table) -> Encoded:
    created = CREATED_TIMESTAMP in table.column_names
    return encode(
        view.schema,
        table,
        _micros(table, EVENT_TIMESTAMP),
        _micros(table, CREATED_TIMESTAMP) if created else None,
    )


def _keys(tables: Tables) -> list[str] | None:
    """The customers of the tables, or None if they are not the same in all."""
    columns = []
    for table in tables.values():
        if KEY not in table.column_names:
            raise InvalidInput(f"the column {KEY} is missing", field=KEY)
        columns.append(table.column(KEY).cast(pa.string()))
    if any(not column.equals(columns[0]) for column in columns[1:]):
        return None
    keys: list[str] = columns[0].to_numpy().tolist() if columns else []
    return keys


def _micros(table: pa.Table, name: str) -> Ints:
    if name not in table.column_names:
        raise InvalidInput(f"the column {name} is missing", field=name)
    column = table.column(name).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    if column.null_count:
        raise InvalidInput(f"the column {name} has nulls", field=name)
    micros: Ints = column.to_numpy()
    return micros.astype(np.int64, copy=False)


def _job(files: Mapping[PackedView, Sequence[Path]]) -> str:
    """A name that is the same for the same snapshots only."""
    parts = [
        f"{view.name}:{view.schema.fingerprint}:{path}:{status.st_size}:{status.st_mtime_ns}"
        for view, paths in files.items()
        for path in paths
        if (status := _existing(path).stat())
    ]
    return blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UnreadableFile(f"there is no snapshot {path}", remedy="build the features first")
    return path


def _count(paths: Sequence[Path]) -> int:
    return sum(_opened(path).metadata.num_rows for path in paths)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadableFile(
            f"{path} is no readable snapshot: {error}", remedy="build the features again"
        ) from error


def _batches(paths: Sequence[Path], skip: int, view: PackedView) -> Iterator[pa.Table]:
    wanted = {KEY, EVENT_TIMESTAMP, CREATED_TIMESTAMP, *view.columns}
    for path in paths:
        file = _opened(path)
        columns = [name for name in file.schema_arrow.names if name in wanted]
        for batch in file.iter_batches(_BATCH, columns=columns):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            yield pa.Table.from_batches([batch.slice(skip)])
            skip = 0
