"""Snapshots on disk: one Parquet file per view and moment, whole or not there at all."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.stored import CREATED_TIMESTAMP, EVENT_TIMESTAMP, KEY, stored_rows, stored_schema
from retain.clock import to_micros
from retain.features.engine import KEYS_SCHEMA, VIEWS
from retain.features.fingerprint import catalogue_fingerprint
from retain.settings import Settings

_STAMP = b"retain"
_UNFINISHED = ".partial"
_TIME = KEYS_SCHEMA.field("as_of").type


def snapshot(settings: Settings, view: str, moment: datetime) -> Path:
    """The file that holds ``view`` at ``moment``."""
    return settings.features / view / f"{moment:%Y%m%dT%H%M%S.%f}Z.parquet"


def stamp_of(last_seq: int) -> bytes:
    """What a snapshot was made of: these features, and the log up to ``last_seq``."""
    return f"{catalogue_fingerprint()}:{last_seq}".encode()


def is_current(settings: Settings, moment: datetime, stamp: bytes) -> bool:
    """Whether every view has its snapshot at ``moment``, made of what ``stamp`` says."""
    files = [snapshot(settings, view, moment) for view in VIEWS]
    return all(file.exists() and _stamp(file) == stamp for file in files)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One build of a home at a time; what a killed one left is removed."""
    settings.features.mkdir(parents=True, exist_ok=True)
    with (settings.features / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for file in settings.features.glob(f"*/*{_UNFINISHED}"):
            file.unlink()
        yield


def forget_other_catalogues(settings: Settings) -> None:
    """Feast reads a view's whole folder: a snapshot of another catalogue would break it."""
    fingerprint = catalogue_fingerprint().encode()
    for file in settings.features.glob("*/*.parquet"):
        if file.parent.name not in VIEWS or not _stamp(file).startswith(fingerprint + b":"):
            file.unlink()


class SnapshotWriter:
    """Writes the snapshots of several moments side by side, a table of customers at a time.

    Use as a context manager: the files get their names when it ends without an error.
    """

    def __init__(
        self, settings: Settings, moments: Sequence[datetime], stamp: bytes, created: datetime
    ) -> None:
        self._created = to_micros(created)
        self._files = {
            (moment, view): snapshot(settings, view, moment) for moment in moments for view in VIEWS
        }
        self._schemas = {view: _schema(view).with_metadata({_STAMP: stamp}) for view in VIEWS}
        self._open = ExitStack()
        self._writers: dict[tuple[datetime, str], pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        for (moment, view), file in self._files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(file.with_suffix(_UNFINISHED), self._schemas[view])
            self._writers[moment, view] = self._open.enter_context(writer)
        return self

    def write(self, moment: datetime, table: pa.Table) -> None:
        """Add a feature table at ``moment``, of customers that were not yet written."""
        created = pa.array([self._created] * table.num_rows, pa.int64()).cast(_TIME)
        for view in VIEWS:
            rows = stored_rows(table, view).append_column(CREATED_TIMESTAMP, created)
            self._writers[moment, view].write_table(rows.cast(self._schemas[view]))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._open.close()
        for file in self._files.values():
            unfinished = file.with_suffix(_UNFINISHED)
            if kind is None:
                unfinished.replace(file)
            else:
                unfinished.unlink()


def _schema(view: str) -> pa.Schema:
    stored = stored_schema(view)
    return pa.schema(
        [
            KEYS_SCHEMA.field(KEY),
            *stored,
            pa.field(EVENT_TIMESTAMP, _TIME),
            pa.field(CREATED_TIMESTAMP, _TIME),
        ]
    )


def _stamp(file: Path) -> bytes:
    try:
        stamp: bytes = (pq.read_schema(file).metadata or {}).get(_STAMP, b"")
    except pa.ArrowInvalid:  # a power cut can leave a name without its content
        return b""
    return stamp
