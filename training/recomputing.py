"""Features once more, from a log that ends at the cutoff: what differs knew the future."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.clock import to_micros
from retain.columns import Columns
from retain.features.ageing import aged
from retain.features.buckets import Buckets
from retain.features.engine import FeatureEngine, keys_of
from retain.quality.event_source import Source
from training.dataset import Dataset

MOST_CUSTOMERS = 1_000
_RELATIVE, _ABSOLUTE = 1e-6, 1e-6


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and every feature that moved with the number of customers it moved of."""

    customers: int
    features: int
    moved: tuple[tuple[str, int], ...]


def compare(data: Dataset, moment: datetime, events: Source) -> Compared | None:
    """The features trained on at ``moment`` beside those of a log that ends there.

    Of at most :data:`MOST_CUSTOMERS` customers. None where ``events`` cannot be cut.
    """
    here = data.at([moment])
    rows = np.flatnonzero(here)
    if isinstance(events, str):
        with tempfile.TemporaryDirectory(prefix="retain-cut-") as folder:
            with Buckets(events, moment, spill=Path(folder)) as buckets:
                bucket = next(iter(buckets))
            return _compare(data, rows, moment, bucket.events, bucket.members)
    if isinstance(events, pa.Table):
        until = pa.scalar(to_micros(moment), pa.int64()).cast(events.column("ts").type)
        return _compare(data, rows, moment, events.filter(pc.less_equal(events["ts"], until)))
    return None


def _compare(
    data: Dataset,
    rows: np.ndarray,
    moment: datetime,
    events: pa.Table,
    members: pa.Table | None = None,
) -> Compared:
    known = set(pc.unique(events.column("customer_id")).to_pylist())
    rows = np.array([row for row in rows if data.customers[row] in known], dtype=np.intp)
    if len(rows) > MOST_CUSTOMERS:
        rows = np.sort(np.random.default_rng(data.seed).choice(rows, MOST_CUSTOMERS, replace=False))
    keys = keys_of([str(one) for one in data.customers[rows]], moment)
    with FeatureEngine(events, members=members) as engine:
        again: Columns = aged(engine.table(keys))
    trained = {name: column[rows] for name, column in data.columns.items()}
    counts = {name: _moved(trained[name], again[name]) for name in trained if name in again}
    moved = sorted(((n, c) for n, c in counts.items() if c), key=lambda one: -one[1])
    return Compared(len(rows), len(counts), tuple(moved))


def _moved(one: np.ndarray, other: np.ndarray) -> int:
    if one.dtype == object:
        return int(sum(a != b for a, b in zip(one, other, strict=True)))
    same = np.isclose(
        np.asarray(one, dtype=np.float64),
        np.asarray(other, dtype=np.float64),
        rtol=_RELATIVE,
        atol=_ABSOLUTE,
        equal_nan=True,
    )
    return int((~same).sum())
