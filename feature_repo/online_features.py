"""What a read of the online store answers: stored rows that hold, and parts put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_lines import PackedLines
from feature_repo.packed_reader import PackedTable
from retain.clock import from_micros, to_micros
from retain.errors import InvalidInput
from retain.features.engine import FEATURE_SCHEMA
from retain.features.reader import Features
from retain.features.sheet import Sheet

_MOMENT = FEATURE_SCHEMA.field("as_of").type
_NEVER = np.iinfo(np.int64).max


def as_stored(
    customer_ids: Sequence[str], asked: list[str], found: PackedTable, as_of: datetime
) -> Features:
    """Every stored row as it is, whatever happened since; stale views read as their defaults.

    Raises:
        InvalidInput: a row was computed for a later moment than the one asked for.
    """
    ages = found.ages
    if (ages.present & (ages.event_us > to_micros(as_of))).any():
        raise InvalidInput(
            "what was known at that moment is not stored, and RETAIN_RECOMPUTE is never",
            remedy="leave as_of out",
            field="as_of",
        )
    there: NDArray[np.bool_] = np.any(ages.present, axis=1)
    known = kept(asked, found, there, as_of, there)
    missing = [asked[row] for row in np.flatnonzero(~there)]
    return joined(customer_ids, [known, Features(FEATURE_SCHEMA.empty_table(), missing, {})])


def last_known(asked: list[str], found: PackedLines | PackedTable, as_of: datetime) -> Features:
    """Whoever has rows of ``as_of`` or before, whatever happened since; as of their own moments."""
    ages = found.ages
    there: NDArray[np.bool_] = np.all(ages.present & (ages.event_us <= to_micros(as_of)), axis=1)
    return kept(asked, found, there, as_of, there)


def kept(
    asked: list[str],
    found: PackedLines | PackedTable,
    holds: NDArray[np.bool_],
    as_of: datetime,
    behind: NDArray[np.bool_],
) -> Features:
    """The stored rows that hold; who is ``behind`` may lack what came after the row was made."""
    ages, rows = found.ages, np.flatnonzero(holds).tolist()
    computed = np.where(ages.present, ages.event_us, _NEVER).min(axis=1)
    stored = Stored(found, as_of)
    return Features(
        rows=stored if len(rows) == len(asked) else stored.table.take(pa.array(rows, pa.int64())),
        unknown=[],
        features_as_of={
            asked[row]: from_micros(int(computed[row])) if behind[row] else as_of for row in rows
        },
        stale_views={asked[row]: ages.stale_views(row) for row in rows if ages.stale[row].any()},
    )


@dataclass(frozen=True)
class Held:
    """Stored rows that were read without a table; ``made`` reads them again with one."""

    sheet: Sheet
    made: Callable[[], pa.Table]

    @property
    def table(self) -> pa.Table:
        return self.made()


@dataclass(frozen=True)
class Stored:
    """Stored rows as of the moment they are read at."""

    found: PackedLines | PackedTable
    as_of: datetime

    @cached_property
    def table(self) -> pa.Table:
        stored = self.found.table
        at = pa.array(np.full(len(stored), to_micros(self.as_of))).cast(_MOMENT)
        columns = [at if name == "as_of" else stored.column(name) for name in FEATURE_SCHEMA.names]
        return pa.Table.from_arrays(columns, schema=FEATURE_SCHEMA)

    @cached_property
    def sheet(self) -> Sheet:
        if isinstance(self.found, PackedTable):
            return Sheet.of(self.table)
        return self.found.sheet(to_micros(self.as_of))


def joined(customer_ids: Sequence[str], parts: Sequence[Features]) -> Features:
    """One answer of several, in the order asked."""
    table = pa.concat_tables([part.table for part in parts])
    rows = {one: row for row, one in enumerate(table.column("customer_id").to_pylist())}
    unknown = {one for part in parts for one in part.unknown}
    wanted = pa.array([rows[one] for one in customer_ids if one in rows], pa.int64())
    return Features(
        rows=table.take(wanted),
        unknown=[one for one in customer_ids if one in unknown],
        features_as_of={one: at for part in parts for one, at in part.features_as_of.items()},
        stale_views={one: views for part in parts for one, views in part.stale_views.items()},
    )
