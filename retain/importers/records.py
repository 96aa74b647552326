"""Files of events, one per row: Retain's own format, and Segment's calls."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from retain.clock import iso
from retain.event import EVENT_SCHEMA, Event, read_event, read_time, to_table
from retain.event_table import TableReader
from retain.importers.currency import with_currency
from retain.importers.reading import Request
from retain.importers.record_checks import check_records
from retain.importers.record_files import Row, json_lines, parquet_batches
from retain.importers.report import Tally
from retain.importers.scratch import Distinct
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.source import Kind, count_lines, kind_of, open_parquet
from retain.set_aside import SetAside

BATCH_ROWS = 50_000
LINES = 20_000
_BATCH_CHARACTERS = 32 << 20

Unwrap = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows, read: ``rows[i]`` is the row of ``events[i]``, ``original`` finds a row again."""

    read: int
    events: pa.Table
    rows: Sequence[int]
    set_aside: list[tuple[int, SetAside]]
    dropped: Counter[str]
    original: Callable[[int], str]


class RecordReading:
    """Events that lie in files row by row; an id that comes again is set aside."""

    def __init__(self, request: Request, unwrap: Unwrap) -> None:
        for path in request.paths:
            check_records(path, request.format)
        self._request = request
        self._unwrap = unwrap
        self._ids = Distinct(request.database, "event_ids")
        self._reader = TableReader(request.received_at)
        self._total = sum(_rows(path) for path in request.paths)
        self._done = 0

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._done, max(self._total, self._done)

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """See :class:`retain.importers.reading.Reading`."""
        for path in self._request.paths:
            for piece in self._pieces(path):
                self._done += piece.read
                tally.rows_read += piece.read
                tally.drop(piece.dropped)
                for row, reason in piece.set_aside:
                    aside.add(row, reason.reason, reason.detail, [piece.original(row)])
                first = self._ids.first(piece.events.column("event_id"))
                for index in (~first).nonzero()[0].tolist():
                    event_id = piece.events.column("event_id")[index].as_py()
                    row = piece.rows[index]
                    detail = f"event id {event_id!r} came before in this file"
                    aside.add(row, "duplicate", detail, [piece.original(row)])
                kept = piece.events.filter(pa.array(first))
                tally.rows_kept += kept.num_rows
                yield with_currency(kept, self._request.currency)

    def _pieces(self, path: Path) -> Iterator[_Piece]:
        if kind_of(path) is not Kind.PARQUET:
            for rows in _batches(json_lines(path, self._done)):
                yield self._piece(rows)
            return
        file = open_parquet(path)
        as_table = self._unwrap is as_it_is and _is_event_table(file.schema_arrow)
        for table in parquet_batches(file, path, BATCH_ROWS):
            if as_table:
                yield self._table_piece(table)
            else:
                numbers = range(self._done + 1, self._done + table.num_rows + 1)
                records = zip(numbers, table.to_pylist(), strict=True)
                yield self._piece([Row(n, record, _as_json(record)) for n, record in records])

    def _table_piece(self, table: pa.Table) -> _Piece:
        before = self._done + 1
        read = self._reader.read(table)
        return _Piece(
            read=table.num_rows,
            events=read.events,
            rows=(read.rows + before).tolist(),
            set_aside=[(row + before, reason) for row, reason in read.set_aside],
            dropped=read.dropped,
            original=lambda row: _as_json(table.slice(row - before, 1).to_pylist()[0]),
        )

    def _piece(self, rows: Sequence[Row]) -> _Piece:
        events: list[Event] = []
        kept: list[int] = []
        asides: list[tuple[int, SetAside]] = []
        for row in rows:
            read = self._read(row)
            if isinstance(read, SetAside):
                asides.append((row.number, read))
            else:
                events.append(read)
                kept.append(row.number)
        texts = {row.number: row.text for row in rows}
        dropped = Counter(name for event in events for name in event.dropped)
        return _Piece(len(rows), to_table(events), kept, asides, dropped, texts.__getitem__)

    def _read(self, row: Row) -> Event | SetAside:
        if row.wrong is not None:
            return SetAside("malformed_row", row.wrong)
        if not isinstance(row.record, Mapping):
            return SetAside("not_an_object", "an event is an object of names and values")
        received_at = self._request.received_at
        given = read_time(row.record.get("received_at"))
        if given is not None and given < received_at:
            received_at = given
        return read_event(self._unwrap(row.record), received_at)


def as_it_is(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record itself: Retain's own format needs no unwrapping."""
    return record


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.text)
        if len(batch) == LINES or size > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(path: Path) -> int:
    if kind_of(path) is Kind.PARQUET:
        return int(open_parquet(path).metadata.num_rows)
    return count_lines(path)


def _is_event_table(schema: pa.Schema) -> bool:
    return all(
        name in schema.names and _alike(schema.field(name).type, field.type)
        for name, field in zip(EVENT_SCHEMA.names, EVENT_SCHEMA, strict=True)
    )


def _alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(given):
        given = given.value_type
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(given))
    return any(given == text for text in (pa.string(), pa.large_string(), pa.null()))


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, default=lambda v: iso(v) if isinstance(v, datetime) else str(v))
