"""Offline snapshots of every feature at declared moments, and point-in-time retrieval."""

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.snapshots import (
    SnapshotWriter,
    alone,
    forget_other_catalogues,
    is_current,
    snapshot,
    stamp_of,
)
from feature_repo.store import open_store, quiet
from feature_repo.stored import EVENT_TIMESTAMP
from retain import history
from retain.clock import now
from retain.database import connect
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.features.buckets import Bucket, Buckets
from retain.features.catalogue import FEATURES
from retain.features.engine import FEATURE_SCHEMA, VIEWS, FeatureEngine, in_batches
from retain.features.outcomes import Outcomes
from retain.settings import Settings
from retain.spill import Spill

Progress = Callable[[str, int, int], None]

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
    spill = Spill(settings.home / "spill")
    made = FeatureEngine(history.glob(settings.history), spill=spill.path)
    weakref.finalize(made, spill.remove)
    return made


def outcomes(settings: Settings, until: datetime) -> Outcomes:
    """What customers did up to ``until``, over the exported history."""
    spill = Spill(settings.home / "spill")
    made = Outcomes(history.glob(settings.history), until, spill=spill.path)
    weakref.finalize(made, spill.remove)
    return made


def build(
    settings: Settings, moments: Iterable[datetime], progress: Progress | None = None
) -> list[Path]:
    """Snapshots of every customer at each of ``moments``; those that are current are kept.

    Returns the files that hold them. A snapshot is one Parquet file per view; it appears when
    it is complete, so that a killed build leaves no half file.
    """
    last_seq = export_history(settings, progress)
    wanted, stamp = sorted(set(moments)), stamp_of(last_seq)
    with alone(settings):
        forget_other_catalogues(settings)
        missing = [moment for moment in wanted if not is_current(settings, moment, stamp)]
        if missing:
            with SnapshotWriter(settings, missing, stamp, created=now()) as writer:
                _compute(settings, missing, writer, progress)
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


def features_at(settings: Settings, keys: pa.Table) -> pa.Table:
    """The feature table of ``keys`` (customer_id, as_of), each at a moment of its own.

    Computed from the log, a bucket of customers at a time. Rows come in the order of ``keys``.
    """
    if not keys.num_rows:
        return FEATURE_SCHEMA.empty_table()
    last = pc.max(keys.column("as_of")).as_py()
    left, found = keys.append_column("row", pa.array(range(keys.num_rows))), []
    with _bucketed(settings, last) as (buckets, facts_of):
        for number, bucket in enumerate(buckets, start=1):
            mine = _of_bucket(left, bucket) if number < len(buckets) else None
            asked = left if mine is None else left.filter(mine)
            if mine is not None:
                left = left.filter(pc.invert(mine))
            if not asked.num_rows:
                continue
            with facts_of(bucket) as facts:
                for batch in in_batches(asked, _BATCH):
                    table = facts.table(batch.select(["customer_id", "as_of"]))
                    found.append(table.append_column("row", batch.column("row")))
    return pa.concat_tables(found).sort_by("row").drop_columns("row")


def buyers_at(
    settings: Settings, moment: datetime, *, within_days: int, most: int
) -> Generator[tuple[pa.Table, float]]:
    """The feature table of everybody with an order in the ``within_days`` before ``moment``.

    Computed from the exported history, a bucket of customers at a time, and given in parts of
    at most ``most`` rows; beside each stands the share of the work that is done with it.
    """
    with _bucketed(settings, moment) as (buckets, facts_of):
        for number, bucket in enumerate(buckets):
            with facts_of(bucket) as facts:
                keys = facts.customers(moment, ordered_within_days=within_days)
                done = 0
                for batch in in_batches(keys, most):
                    done += batch.num_rows
                    yield facts.table(batch), (number + done / keys.num_rows) / len(buckets)


def count_at(settings: Settings, moment: datetime) -> int:
    """How many customers the snapshot at ``moment`` has."""
    return int(pq.read_metadata(snapshot(settings, "activity", moment)).num_rows)


def customers_at(settings: Settings, moment: datetime) -> Sequence[str]:
    """Every customer of the snapshot at ``moment``."""
    file = snapshot(settings, "activity", moment)
    ids: list[str] = pq.read_table(file, columns=["customer_id"]).column(0).to_pylist()
    return ids


def _of_bucket(keys: pa.Table, bucket: Bucket) -> pa.ChunkedArray:
    """Which of ``keys`` are of customers whose events are in ``bucket``."""
    members = bucket.members.column("member_id")
    ids = pa.chunked_array([*bucket.events.column("customer_id").chunks, *members.chunks])
    return pc.is_in(keys.column("customer_id"), value_set=pc.unique(ids))


def _compute(
    settings: Settings,
    moments: Sequence[datetime],
    writer: SnapshotWriter,
    progress: Progress | None,
) -> None:
    """All moments of one bucket of customers, then the next bucket: facts are made once."""
    with _bucketed(settings, moments[-1]) as (buckets, facts_of):
        total = len(buckets) * len(moments)
        for number, bucket in enumerate(buckets):
            with facts_of(bucket) as facts:
                for done, moment in enumerate(moments, number * len(moments)):
                    if progress:
                        progress("features", done, total)
                    for keys in in_batches(facts.customers(moment), _BATCH):
                        writer.write(moment, facts.table(keys))
    if progress:
        progress("features", total, total)


@contextmanager
def _bucketed(
    settings: Settings, until: datetime
) -> Iterator[tuple[Buckets, Callable[[Bucket], FeatureEngine]]]:
    """The exported history up to ``until`` in buckets, and the engine over one of them."""
    with (
        Spill(settings.home / "spill") as spill,
        Buckets(history.glob(settings.history), until, spill=spill.path) as buckets,
    ):
        yield (
            buckets,
            lambda bucket: FeatureEngine(
                bucket.events, members=bucket.members, memory_limit="2GB", spill=spill.path
            ),
        )
