"""What an import did, so that a person can judge the data and a program can check it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from retain.clock import iso
from retain.order import ORDER_TYPES

_NAMES_COUNTED = 1_000
_OTHER_NAMES = "(other names)"
_MOMENTS = ("ts", "at", "date")
_THINGS = {"products": "products", "calendar": "entries"}
_CURRENCY = r'"currency":"(?P<currency>[A-Z]{3})"'


@dataclass(frozen=True, slots=True)
class Reason:
    """How many rows were set aside for one reason, with the first of them in words."""

    rows: int
    example: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The account of one import: ``rows_read`` is always ``rows_kept`` plus those set aside.

    Several rows may make one event (the lines of an order), and an event may have no row of
    its own (a profile read off an order); ``events_already_logged`` were there before. Of a
    ``dry_run`` nothing was written, and ``events_read`` says how many would have been read.
    """

    file: str
    format: str
    digest: str
    folder: str
    rows_read: int
    rows_kept: int
    rows_set_aside: int
    set_aside: Mapping[str, Reason]
    events_read: int
    events_written: int
    events_already_logged: int
    dropped_properties: Mapping[str, int]
    customers: int
    first_event_at: str | None
    last_event_at: str | None
    currencies: Mapping[str, int]
    dry_run: bool = False

    @property
    def currency(self) -> str | None:
        """The currency most orders are in."""
        return max(self.currencies, key=self.currencies.__getitem__, default=None)

    def to_json(self) -> str:
        """The report as it is kept in ``report.json``."""
        return json.dumps({**asdict(self), "currency": self.currency}, indent=2) + "\n"

    def text(self) -> str:
        """The report as a table for a person."""
        things = _THINGS.get(self.format, "events")
        rows = [
            ("rows read", f"{self.rows_read:,}", ""),
            ("rows kept", f"{self.rows_kept:,}", ""),
            ("rows set aside", f"{self.rows_set_aside:,}", self._where()),
            *(
                (f"  {reason}", f"{entry.rows:,}", entry.example)
                for reason, entry in self.set_aside.items()
            ),
            *self._stored(things),
            ("first", self.first_event_at or "none", ""),
            ("last", self.last_event_at or "none", ""),
        ]
        if things == "events":
            rows.append(("customers", f"{self.customers:,}", ""))
            rows.append(("orders by currency", _counts(self.currencies) or "none", ""))
        if self.dropped_properties:
            rows.append(("properties not kept", _counts(self.dropped_properties), ""))
        width = max(len(name) for name, _, _ in rows)
        lines = [f"{name:<{width}}  {value:>12}  {note}".rstrip() for name, value, note in rows]
        checked = ", checked only: nothing was written" if self.dry_run else ""
        return "\n".join([f"{self.file} as {self.format}{checked}", "", *lines])

    def _stored(self, things: str) -> list[tuple[str, str, str]]:
        if self.dry_run:
            return [(f"{things} read", f"{self.events_read:,}", "")]
        return [
            (f"{things} written", f"{self.events_written:,}", ""),
            (f"{things} already there", f"{self.events_already_logged:,}", ""),
        ]

    def _where(self) -> str:
        return str(Path(self.folder) / "set_aside.csv") if self.rows_set_aside else ""


@dataclass(slots=True)
class Tally:
    """Counts while an import runs; becomes the report when it ends."""

    rows_read: int = 0
    rows_kept: int = 0
    events_read: int = 0
    events_written: int = 0
    events_already_logged: int = 0
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None
    dropped: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    _set_aside: dict[str, Reason] = field(default_factory=dict)

    def aside(self, reason: str, row: int, detail: str, rows: int = 1) -> None:
        """Count ``rows`` set aside, of which ``row`` is the first."""
        before = self._set_aside.get(reason)
        if before is None:
            self._set_aside[reason] = Reason(rows, f"row {row}: {detail}")
        else:
            self._set_aside[reason] = Reason(before.rows + rows, before.example)

    def drop(self, names: Mapping[str, int]) -> None:
        """Count properties that were not kept; of very many names the rest count as one."""
        for name, times in names.items():
            known = name in self.dropped or len(self.dropped) < _NAMES_COUNTED
            self.dropped[name if known else _OTHER_NAMES] += times

    def stored(self, events: pa.Table, new: int) -> None:
        """Count a table that :meth:`read` counted as stored, of which ``new`` were not there."""
        self.events_written += new
        self.events_already_logged += events.num_rows - new

    def read(self, events: pa.Table) -> None:
        """Count a table of events, product states or days as read from the file."""
        if not events.num_rows:
            return
        self.events_read += events.num_rows
        moment = next(name for name in _MOMENTS if name in events.column_names)
        times = events.column(moment).cast(pa.timestamp("us", "UTC"))
        span = pc.min_max(times).as_py()
        self.first_event_at = min(span["min"], self.first_event_at or span["min"])
        self.last_event_at = max(span["max"], self.last_event_at or span["max"])
        if moment != "ts":
            return
        orders = events.filter(pc.is_in(events.column("type"), pa.array(sorted(ORDER_TYPES))))
        found = pc.extract_regex(orders.column("properties"), _CURRENCY)
        codes = pc.struct_field(found, "currency").drop_null()
        for entry in pc.value_counts(codes).to_pylist():
            self.currencies[entry["values"]] += entry["counts"]

    @property
    def rows_set_aside(self) -> int:
        """All rows set aside so far."""
        return sum(entry.rows for entry in self._set_aside.values())

    def report(
        self,
        *,
        file: str,
        format_name: str,
        digest: str,
        folder: Path,
        customers: int,
        dry_run: bool = False,
    ) -> ImportReport:
        """The account of the import that ends here."""
        largest_first = sorted(self._set_aside.items(), key=lambda item: -item[1].rows)
        return ImportReport(
            file=file,
            format=format_name,
            digest=digest,
            folder=str(folder),
            rows_read=self.rows_read,
            rows_kept=self.rows_kept,
            rows_set_aside=self.rows_set_aside,
            set_aside=dict(largest_first),
            events_read=self.events_read,
            events_written=self.events_written,
            events_already_logged=self.events_already_logged,
            dropped_properties=dict(self.dropped.most_common()),
            customers=customers,
            first_event_at=iso(self.first_event_at) if self.first_event_at else None,
            last_event_at=iso(self.last_event_at) if self.last_event_at else None,
            currencies=dict(self.currencies.most_common()),
            dry_run=dry_run,
        )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{ascii(name)[1:-1]} {times:,}" for name, times in counts.items())
