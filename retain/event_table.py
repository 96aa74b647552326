"""Reading a whole table of records at once, with the results of :func:`read_event`.

The common columns are checked as columns; only properties are looked at one by one, and
a row that is out of the ordinary in any way goes through :func:`read_event` itself.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.clock import to_micros
from retain.event import EARLIEST, EVENT_SCHEMA, FUTURE_TOLERANCE, Event, read_event, to_table
from retain.fields import HOISTED, MAX_TEXT
from retain.properties import encode, read_properties
from retain.set_aside import Refused, SetAside
from retain.vocabulary import vocabulary

_TEXTS = ("event_id", "customer_id", "anonymous_id", "session_id", "channel", "device", "source")
_ORDINARY_TEXT = "^[!-~]([ -~]*[!-~])?$"
_OPTIONAL = pa.schema([pa.field(column.name, column.type) for column in EVENT_SCHEMA])
_TIME = EVENT_SCHEMA.field("ts").type
_REMEMBERED = 50_000
_SHORT = 300

_Read = tuple[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class TableRead:
    """What became of the rows of a table: ``rows[i]`` is where ``events[i]`` came from."""

    events: pa.Table
    rows: np.ndarray[Any, np.dtype[np.int64]]
    set_aside: list[tuple[int, SetAside]]
    dropped: Counter[str] = field(default_factory=Counter)


class TableReader:
    """Reads tables of :data:`EVENT_SCHEMA`; remembers the properties it saw before."""

    def __init__(self, received_at: datetime) -> None:
        self._received_at = received_at
        self._seen: dict[tuple[str, str], _Read] = {}

    def read(self, table: pa.Table) -> TableRead:
        """Every row of ``table`` as :func:`read_event` reads it.

        A row's own ``received_at`` stands where it is not later than this reader's.
        """
        columns = _without_empty_texts(table.select(EVENT_SCHEMA.names).cast(_OPTIONAL, safe=False))
        received = self._received(columns["received_at"])
        read = self._properties(columns, _ordinary(columns, received))
        plain = np.fromiter((found is not None for found in read), np.bool_, len(read))
        dropped: Counter[str] = Counter()
        for found in read:
            if found is not None and found[1]:
                dropped.update(found[1])
        texts = pa.array([None if found is None else found[0] for found in read], pa.string())
        columns = _with(columns, received_at=received, properties=texts)
        fast = columns.filter(pa.array(plain)).cast(EVENT_SCHEMA)
        slow = np.flatnonzero(~plain)
        if not slow.size:
            return TableRead(fast, np.flatnonzero(plain), [], dropped)

        events, rows, aside = _one_by_one(table, slow, received)
        for event in events:
            dropped.update(event.dropped)
        both = np.concatenate([np.flatnonzero(plain), np.array(rows, dtype=np.int64)])
        order = np.argsort(both, kind="stable")
        merged = pa.concat_tables([fast, to_table(events)]).take(pa.array(order))
        return TableRead(merged, both[order], aside, dropped)

    def _received(self, given: pa.ChunkedArray) -> pa.ChunkedArray:
        limit = pa.scalar(to_micros(self._received_at), pa.int64())
        micros = pc.fill_null(given.cast(pa.int64()), limit)
        return pc.min_element_wise(micros, limit).cast(_TIME)

    def _properties(self, columns: pa.Table, ordinary: pa.ChunkedArray) -> list[_Read]:
        seen = self._seen
        found: list[_Read] = []
        for looks, kind, given in zip(
            ordinary.to_pylist(),
            columns["type"].to_pylist(),
            columns["properties"].to_pylist(),
            strict=True,
        ):
            if not looks:
                found.append(None)
                continue
            key = (kind, given)
            if key in seen:
                found.append(seen[key])
                continue
            read = _canonical_text(kind, given)
            if given is None or len(given) <= _SHORT:
                if len(seen) >= _REMEMBERED:
                    seen.clear()
                seen[key] = read
            found.append(read)
        return found


def _canonical_text(type_name: str, given: str | None) -> _Read:
    try:
        bag = json.loads(given) if given else {}
        if not isinstance(bag, dict) or not HOISTED.isdisjoint(bag):
            return None
        properties, dropped = read_properties(vocabulary().types[type_name], bag)
    except (ValueError, RecursionError, Refused):
        return None  # read_event finds the words for it
    return encode(properties), dropped


def _one_by_one(
    table: pa.Table, rows: Iterable[Any], received: pa.ChunkedArray
) -> tuple[list[Event], list[int], list[tuple[int, SetAside]]]:
    indices = [int(row) for row in rows]
    records = table.select(EVENT_SCHEMA.names).take(pa.array(indices)).to_pylist()
    times = received.take(pa.array(indices)).to_pylist()
    events, kept, aside = [], [], []
    for row, record, received_at in zip(indices, records, times, strict=True):
        read = read_event(record, received_at)
        if isinstance(read, SetAside):
            aside.append((row, read))
        else:
            events.append(read)
            kept.append(row)
    return events, kept, aside


def _ordinary(columns: pa.Table, received: pa.ChunkedArray) -> pa.ChunkedArray:
    latest = pc.add(received.cast(pa.int64()), int(FUTURE_TOLERANCE.total_seconds() * 1_000_000))
    ts = columns["ts"].cast(pa.int64())
    texts = [
        pc.or_kleene(
            pc.is_null(columns[name]),
            pc.and_(
                pc.match_substring_regex(columns[name], _ORDINARY_TEXT),
                pc.less_equal(pc.binary_length(columns[name]), MAX_TEXT),
            ),
        )
        for name in _TEXTS
    ]
    checks = [
        *texts,
        pc.is_valid(columns["event_id"]),
        pc.or_(pc.is_valid(columns["customer_id"]), pc.is_valid(columns["anonymous_id"])),
        pc.is_in(columns["type"], pa.array(list(vocabulary().types))),
        pc.and_(pc.less_equal(ts, latest), pc.greater_equal(ts, to_micros(EARLIEST))),
    ]
    return pc.fill_null(reduce(pc.and_kleene, checks), fill_value=False)


def _without_empty_texts(columns: pa.Table) -> pa.Table:
    return _with(
        columns,
        **{
            name: pc.if_else(pc.equal(columns[name], ""), pa.scalar(None, pa.string()), column)
            for name in _TEXTS
            if (column := columns[name]).null_count < len(column)
        },
    )


def _with(columns: pa.Table, **replaced: pa.ChunkedArray) -> pa.Table:
    for name, column in replaced.items():
        index = columns.schema.get_field_index(name)
        columns = columns.set_column(index, columns.field(index), column)
    return columns
