"""The online store as a request for many customers reads it, where both stores are files.

The counterpart for one is :class:`feature_repo.online_one.OneReader`; whose row answers and whose
does not follows the same rules.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feature_repo.online_files import FileRows
from feature_repo.packed_many import ManyPlan, PackedMany
from retain.eventlog import EventLog
from retain.features.ageing import STORED_NUMBERS
from retain.features.sheet import ReadColumns, Sheet
from retain.one.glance import JOINED_MANY, LOOK_AT_MANY
from retain.settings import Settings

_MANY = len(STORED_NUMBERS)
_SEEN = 4
Line = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Customers whose stored rows answer.

    Attributes:
        sheet: their features, in the order of their ids.
        as_of: the moment (epoch microseconds) each is as of, (n,).
    """

    sheet: Sheet
    as_of: NDArray[np.int64]


class ManyReader:
    """Reads many customers in one statement; waits for nobody."""

    def __init__(self, rows: FileRows) -> None:
        self._files = rows.files
        self._plan = ManyPlan(rows.plan)
        self._life = rows.life
        self._query = (
            f"SELECT value, {LOOK_AT_MANY}, {rows.columns} FROM json_each(?1) "
            f"LEFT JOIN {rows.table} AS t ON t.key = value"
        )

    def read(
        self, customer_ids: Sequence[str], moment: int, late: int, over: int
    ) -> HeldRows | None:
        """Those of different ``customer_ids`` whose rows hold at ``moment`` (epoch microseconds).

        None where none does. Who is waiting to be reflected since ``late`` or before does not, nor
        whose row has had a window edge at ``over`` or before.

        Raises:
            StoreUnavailable: a store did not answer at once.
            FingerprintMismatch: a row is damaged.
        """
        with self._files.reading() as connection:
            # neighbours are on the same pages
            asked = json.dumps(sorted(customer_ids))
            lines = connection.execute(self._query, (asked, moment)).fetchall()
            lines = self._plan.sound(lines, _SEEN)
            visits = _visits(connection, lines, moment)
        lines = [line for line in lines if line[3] is None or line[0] in visits]
        if not lines:
            return None
        packed = PackedMany(self._plan, [line[_SEEN:] for line in lines])
        computed, newest = packed.times.min(axis=1), packed.times.max(axis=1)
        waits = np.array([line[1] is not None for line in lines])
        since = np.array([line[1] or 0 for line in lines], dtype=np.int64)
        latest = np.array(
            [max(line[2] or 0, visits.get(line[0], 0)) for line in lines], dtype=np.int64
        )
        ends = packed.numbers[:, _MANY:]
        holds = (newest <= moment) & ~(ends <= over).any(axis=1)
        behind = waits | (ends <= moment).any(axis=1)
        holds &= np.where(waits, since > late, latest <= computed)
        if self._life is not None:
            holds &= computed >= moment - self._life
        rows = np.flatnonzero(holds)
        if not len(rows):
            return None
        if len(rows) < len(lines):
            packed = packed.take(rows)
        at = np.full(len(rows), moment)
        columns = ReadColumns(packed.numbers[:, :_MANY], at.astype(np.float64), packed.objects)
        ids = [lines[row][0] for row in rows.tolist()]
        sheet = Sheet(ids, at.view("M8[us]"), columns)
        return HeldRows(sheet, np.where(behind[rows], computed[rows], moment))


def many_reader(settings: Settings, log: EventLog) -> ManyReader | None:
    """A reader, where both stores are files and rows that do not hold are computed."""
    rows = FileRows.of(settings, log)
    return None if rows is None else ManyReader(rows)


def _visits(connection: sqlite3.Connection, lines: Sequence[Line], moment: int) -> dict[str, int]:
    """The last visit of each customer who was joined to visitors and to no other customer."""
    pairs = [(line[3], line[0]) for line in lines if line[3] is not None]
    if not pairs:
        return {}
    found = connection.execute(JOINED_MANY, (json.dumps(pairs), moment)).fetchall()
    return {customer_id: visit or 0 for customer_id, others, visit in found if not others}
