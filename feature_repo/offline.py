"""Offline snapshots of every feature at declared moments, and point-in-time retrieval."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.store import open_store, quiet
from feature_repo.stored import CREATED_TIMESTAMP, EVENT_TIMESTAMP, stored_rows
from retain import history
from retain.clock import now, to_micros
from retain.database import connect
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.features.catalogue import FEATURES
from retain.features.engine import (
    FEATURE_SCHEMA,
    KEYS_SCHEMA,
    VIEWS,
    FeatureEngine,
    in_batches,
)
from retain.features.fingerprint import catalogue_fingerprint
from retain.settings import Settings

Progress = Callable[[str, int, int], None]

_STAMP = b"retain"
_BATCH = 50_000


def export_history(settings: Settings, progress: Progress | None = None) -> int:
    """Bring the Parquet history up to the log; returns the log's last sequence number.

    Raises:
        NotEnoughData: there are no events at all.
    """
    log = EventLog(connect(settings.database_url))
    report = (lambda done, total: progress("history", done, total)) if progress else None
    history.export(log, settings.history, progress=report)
    last = log.last_seq()
    if last == 0:
        raise NotEnoughData("the event log is empty", remedy="import or simulate events first")
    return last


def engine(settings: Settings) -> FeatureEngine:
    """The feature engine over the exported history."""
    return FeatureEngine(history.glob(settings.history), spill=settings.home / "spill")


def build(
    settings: Settings, moments: Iterable[datetime], progress: Progress | None = None
) -> list[Path]:
    """Snapshots of every customer at each of ``moments``; those that are current are kept.

    Returns the files that hold them. A snapshot is one Parquet file per view, written under a
    temporary name and renamed, so that a killed build leaves no half file.
    """
    last_seq = export_history(settings, progress)
    stamp = f"{catalogue_fingerprint()}:{last_seq}".encode()
    wanted = sorted(set(moments))
    _forget_other_catalogues(settings)
    missing = [moment for moment in wanted if not _is_current(settings, moment, stamp)]
    if missing:
        with engine(settings) as facts:
            for done, moment in enumerate(missing):
                if progress:
                    progress("features", done, len(missing))
                _write_snapshot(settings, facts, moment, stamp)
    if progress:
        progress("features", len(missing), len(missing))
    open_store(settings, apply=True)
    return [snapshot(settings, view, moment) for moment in wanted for view in VIEWS]


def retrieve(settings: Settings, keys: pa.Table) -> pa.Table:
    """Point-in-time join: the feature table of ``keys`` (customer_id, as_of), through Feast.

    Rows come in the order of ``keys``.
    """
    entities = keys.rename_columns(["customer_id", EVENT_TIMESTAMP]).to_pandas()
    entities[EVENT_TIMESTAMP] = entities[EVENT_TIMESTAMP].astype("datetime64[us, UTC]")
    entities["row"] = range(len(entities))
    references = [f"{f.relation}:{f.stored_name}" for f in FEATURES]
    store = open_store(settings)
    with quiet():
        joined = store.get_historical_features(entities, features=references).to_arrow()
    joined = joined.sort_by("row")
    joined = joined.rename_columns(
        ["as_of" if name == EVENT_TIMESTAMP else name for name in joined.column_names]
    )
    schema = pa.schema([f for f in FEATURE_SCHEMA if f.name in joined.column_names])
    return joined.select(schema.names).cast(schema)


def customers_at(settings: Settings, moment: datetime) -> Sequence[str]:
    """Every customer of the snapshot at ``moment``."""
    file = snapshot(settings, "activity", moment)
    ids: list[str] = pq.read_table(file, columns=["customer_id"]).column(0).to_pylist()
    return ids


def snapshot(settings: Settings, view: str, moment: datetime) -> Path:
    """The file that holds ``view`` at ``moment``."""
    return settings.features / view / f"{moment:%Y%m%dT%H%M%S.%f}Z.parquet"


def _forget_other_catalogues(settings: Settings) -> None:
    """Feast reads a view's whole folder: a snapshot of another catalogue would break it."""
    fingerprint = catalogue_fingerprint().encode()
    for view in settings.features.glob("*"):
        for file in view.glob("*.parquet"):
            stamp = (pq.read_schema(file).metadata or {}).get(_STAMP, b"")
            if view.name not in VIEWS or not stamp.startswith(fingerprint + b":"):
                file.unlink()


def _is_current(settings: Settings, moment: datetime, stamp: bytes) -> bool:
    files = [snapshot(settings, view, moment) for view in VIEWS]
    return all(f.exists() for f in files) and all(
        (pq.read_schema(f).metadata or {}).get(_STAMP) == stamp for f in files
    )


def _write_snapshot(
    settings: Settings, facts: FeatureEngine, moment: datetime, stamp: bytes
) -> None:
    keys = facts.customers(moment)
    tables = [facts.table(batch) for batch in in_batches(keys, _BATCH)]
    table = pa.concat_tables(tables) if tables else FEATURE_SCHEMA.empty_table()
    created = pa.array([to_micros(now())] * table.num_rows, pa.int64())
    for view in VIEWS:
        rows = stored_rows(table, view).append_column(
            CREATED_TIMESTAMP, created.cast(KEYS_SCHEMA.field("as_of").type)
        )
        path = snapshot(settings, view, moment)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".partial")
        pq.write_table(rows.replace_schema_metadata({_STAMP: stamp}), temporary)
        temporary.rename(path)
