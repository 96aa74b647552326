"""The online store as one customer's request reads it: a glance at the log, a row, and no array.

It answers where a stored row holds and both stores are files of this machine. Everything else -
a row that is missing or no longer holds, another schema, a customer merged into another - is
:class:`feature_repo.online.OnlineReader`'s.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feature_repo.held_over import too_old
from feature_repo.online import FRESH_WITHIN
from feature_repo.online_files import FileRows
from feature_repo.packed_hold import hold_of
from feature_repo.packed_one import Floats
from feature_repo.packed_texts import texts_of
from retain.clock import Clock, now, to_micros
from retain.eventlog import EventLog
from retain.features.ageing import STORED_NUMBERS
from retain.one.contacts import query_of
from retain.one.features import One, aged
from retain.one.glance import LOOK, Glanced, joined
from retain.one.log_file import unavailable
from retain.settings import Settings

_FRESH_WITHIN_US = int(1e6 * FRESH_WITHIN.total_seconds())
_SEEN = 3
_KIND = 0
_MANY = len(STORED_NUMBERS)


@dataclass(frozen=True, slots=True)
class Found:
    """A customer's features, and the moment they are as of in epoch microseconds.

    Attributes:
        contacts: rows of :func:`retain.one.contacts.query_of`, where they were asked for.
    """

    one: One
    features_as_of: int
    contacts: Sequence[tuple[Any, ...]] = ()


class OneReader:
    """Reads one customer at a time, in microseconds; waits for nobody.

    Where a file is locked against readers, the read fails at once.
    """

    def __init__(self, rows: FileRows, *, clock: Clock = now) -> None:
        self._files = rows.files
        self._plan = rows.plan
        self._life = rows.life
        self._hold = hold_of(rows.plan)
        self._texts = texts_of(rows.plan)
        self._clock = clock
        # what the log says is read before the row: what is reflected by then is in the row
        row = f"{LOOK}, {rows.columns} FROM {rows.table} AS t WHERE key = ?1"
        self._query = f"SELECT {row}"
        beside = query_of(1 + _SEEN + len(rows.plan.places))
        # one statement is one look at the file, of a moment at which all of it held
        self._query_both = f"SELECT NULL, {row} UNION ALL {beside}"

    @classmethod
    def of(cls, settings: Settings, log: EventLog, *, clock: Clock = now) -> "OneReader | None":
        """A reader, where both stores are files and rows that do not hold are computed."""
        rows = FileRows.of(settings, log)
        return None if rows is None else cls(rows, clock=clock)

    def read(self, customer_id: str, moment: int, *, with_contacts: bool = False) -> Found | None:
        """The customer at ``moment`` (epoch microseconds); None where that is not to be had so.

        Raises:
            StoreUnavailable: a store did not answer at once.
        """
        try:
            execute = self._files.connection().execute
            contacts: list[tuple[Any, ...]] = []
            if with_contacts:
                contacts = execute(self._query_both, (customer_id, moment)).fetchall()
                if not contacts or contacts[0][_KIND] is not None:
                    return None
                line = contacts.pop(0)[1:]
            else:
                line = execute(self._query, (customer_id, moment)).fetchone()
                if line is None:
                    return None
            since, latest, component = line[:_SEEN]
            seen: Glanced | None = Glanced(since, latest)
            if component is not None:
                seen = joined(execute, component, customer_id, moment, (since, latest))
        except sqlite3.DatabaseError as error:
            if str(error).startswith("no such"):
                return None
            raise unavailable(error) from error
        return None if seen is None else self._held(line[_SEEN:], seen, moment, contacts)

    def _held(
        self,
        cells: tuple[Any, ...],
        seen: Glanced,
        moment: int,
        contacts: Sequence[tuple[Any, ...]],
    ) -> Found | None:
        """The customer of these rows, where they hold."""
        held = self._hold(cells, 0, moment)
        lapsed = held is None
        if held is None:
            held = self._held_over(cells, moment)
        if held is None:
            return None
        vector, computed = held
        if self._life is not None and computed < moment - self._life:
            return None
        since, latest = seen
        if since is None:
            if latest is not None and latest > computed:
                return None
        elif since <= to_micros(self._clock()) - _FRESH_WITHIN_US:
            return None
        one = One(vector, self._texts(cells))
        return Found(one, moment if since is None and not lapsed else computed, contacts)

    def _held_over(self, cells: tuple[Any, ...], moment: int) -> tuple[Floats, int] | None:
        """As :data:`Hold`, of rows that an edge has just passed."""
        read = self._plan.read(cells)
        if read is None or read.newest > moment:
            return None
        over = too_old(moment, to_micros(self._clock()))
        if any(end <= over for end in read.values[_MANY:].tolist()):
            return None
        return aged(read.values[:_MANY], moment), read.oldest
