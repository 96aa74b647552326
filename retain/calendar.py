"""The calendar: holidays, promotions of ours and of others, and since when each was known."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Engine,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    func,
    select,
)

from retain.clock import to_micros
from retain.database import Id, in_parts, metadata, reading, upsert, writing

KINDS = ("holiday", "promotion", "competitor_promotion", "closure", "event")
EVERYWHERE = ""
"""The stored region of what holds in every region."""

calendar = Table(
    "calendar",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("date", Date, nullable=False),
    Column("region", Id, nullable=False),
    Column("kind", Id, nullable=False),
    Column("name", Id, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    UniqueConstraint("date", "region", "kind", "name", "known_at", "withdrawn"),
    Index("calendar_by_region", "region", "date"),
)

CALENDAR_SCHEMA = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("known_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("withdrawn", pa.bool_(), nullable=False),
    ]
)
"""Statements: from ``known_at`` on an entry is known to hold or, ``withdrawn``, not to hold.

An entry is its date, region (:data:`EVERYWHERE` where it holds in all), kind and name.
"""

_ENTRY = (calendar.c.date, calendar.c.region, calendar.c.kind, calendar.c.name)
_STATEMENT = ("date", "region", "kind", "name", "known_at", "withdrawn")


@dataclass(frozen=True, slots=True, order=True)
class CalendarDay:
    """One entry on one day, local to its region; ``region`` "" holds everywhere."""

    date: date
    region: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How much the calendar holds: its days, its regions, its first and its last day."""

    days: int
    regions: tuple[str, ...]
    first: date
    last: date


class Calendar:
    """Statements about days, kept as they were made; a later one corrects an earlier one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, table: pa.Table) -> int:
        """Store the statements in ``table`` (:data:`CALENDAR_SCHEMA`); returns how many were new.

        The same statement again changes nothing, and the order in which statements come does
        not matter.

        Raises:
            StoreUnavailable: nothing of the current chunk was stored; call again.
        """
        known_at = table.column("known_at").cast(pa.int64())
        place = table.schema.get_field_index("known_at")
        rows = table.set_column(place, "known_at", known_at).to_pylist()
        stored = 0
        for chunk in in_parts(rows):
            with writing(self._engine, alone="calendar") as connection:
                before = connection.scalar(select(func.count()).select_from(calendar)) or 0
                insert = upsert(connection, calendar).on_conflict_do_nothing(
                    index_elements=_STATEMENT
                )
                connection.execute(insert, list(chunk))
                after = connection.scalar(select(func.count()).select_from(calendar)) or 0
            stored += after - before
        return stored

    def days(
        self, region: str | None, first: date, last: date, known_at: datetime
    ) -> list[CalendarDay]:
        """What was known at ``known_at`` of the days ``first`` to ``last``, both included.

        Of each entry the statement with the latest ``known_at`` not after that moment counts;
        of two at one moment the withdrawal. ``region`` is one of the calendar's own, and what
        holds everywhere is added; None asks for that alone. Sorted by date.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        regions = {EVERYWHERE, region or EVERYWHERE}
        within = calendar.c.date.between(first, last) & calendar.c.region.in_(regions)
        return sorted(self._standing(within & (calendar.c.known_at <= to_micros(known_at))))

    def reach(self, known_at: datetime) -> Reach | None:
        """How far the calendar goes as it was known at ``known_at``; None where it is empty.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        standing = self._standing(calendar.c.known_at <= to_micros(known_at))
        days = {entry.date for entry in standing}
        if not days:
            return None
        regions = sorted({entry.region for entry in standing} - {EVERYWHERE})
        return Reach(len(days), tuple(regions), min(days), max(days))

    def _standing(self, which: Any) -> Iterable[CalendarDay]:
        latest_first = (calendar.c.known_at.desc(), calendar.c.withdrawn.desc())
        place = func.row_number().over(partition_by=_ENTRY, order_by=latest_first)
        placed = select(*_ENTRY, calendar.c.withdrawn, place.label("place")).where(which).subquery()
        entry = [placed.c[column.name] for column in _ENTRY]
        query = select(*entry).where(placed.c.place == 1, ~placed.c.withdrawn)
        with reading(self._engine) as connection:
            return [CalendarDay(*row) for row in connection.execute(query)]
