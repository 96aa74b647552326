"""A table is read as read_event reads its rows, one by one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.event import EVENT_SCHEMA, Event, SetAside, read_event, to_table
from retain.event_table import TableRead, TableReader
from retain.vocabulary import vocabulary

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
OPTIONAL = pa.schema([pa.field(column.name, column.type) for column in EVENT_SCHEMA])


def table_of(*rows: dict[str, Any]) -> pa.Table:
    base = {
        "event_id": "e1",
        "type": "product_viewed",
        "customer_id": "c1",
        "ts": datetime(2026, 11, 1, tzinfo=UTC),
        "properties": "{}",
    }
    return pa.Table.from_pylist([{**base, **row} for row in rows], schema=OPTIONAL)


def one_by_one(table: pa.Table) -> tuple[pa.Table, list[int], list[tuple[int, SetAside]]]:
    events: list[Event] = []
    kept: list[int] = []
    aside: list[tuple[int, SetAside]] = []
    for row, record in enumerate(table.to_pylist()):
        own = record["received_at"]
        read = read_event(record, min(own, NOW) if own else NOW)
        if isinstance(read, SetAside):
            aside.append((row, read))
        else:
            events.append(read)
            kept.append(row)
    return to_table(events), kept, aside


def check_same(table: pa.Table, read: TableRead) -> None:
    events, kept, aside = one_by_one(table)
    assert read.events.to_pylist() == events.to_pylist()
    assert read.events.schema.equals(EVENT_SCHEMA)
    assert read.rows.tolist() == kept
    assert read.set_aside == aside


ids = st.sampled_from(["c1", "17850", "C-9"]) | st.sampled_from(
    ["", " c2", "c3 ", "é", "a\x00b", "x" * 201, "a b", "\x1c", "\u00a0"]
)
numbers = st.one_of(
    st.floats(), st.integers(), st.integers(-(10**320), 10**320), st.booleans(), st.just("4.5")
)
texts = st.one_of(
    st.text(max_size=5), st.sampled_from(["p1", "GBP", "gbp", "XXX", "\x00", "y" * 2_001]), numbers
)
lines = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["product_id", "category", "quantity", "price", "discount", "sku", "brand"]
        ),
        texts | numbers | st.none(),
        max_size=5,
    ),
    max_size=3,
)
property_names = st.sampled_from(
    ["product_id", "category", "price", "currency", "total", "order_id", "discount", "channel",
     "device", "session_id", "source", "sku", "text", "channels", "term_end", "topics", "page"]
)  # fmt: skip
bags = st.builds(
    lambda bag, given_lines: {**bag, **({"lines": given_lines} if given_lines else {})},
    st.dictionaries(property_names, texts | numbers | st.none() | st.lists(texts, max_size=2)),
    lines | st.just([1]) | st.just([]),
)
property_texts = st.one_of(
    bags.map(json.dumps),
    bags.map(lambda bag: json.dumps(bag, separators=(",", ":"))),
    st.sampled_from(["", "{", "[]", "null", "5", '{"a":1}', '{"product_id":"\\ud800"}']),
    st.none(),
)
times = st.one_of(
    st.none(),
    st.datetimes(datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2030-01-01")).map(
        lambda t: t.replace(tzinfo=UTC)
    ),
)
rows = st.fixed_dictionaries(
    {
        "event_id": ids | st.none(),
        "type": st.sampled_from([*vocabulary().types, "Order Completed", "purchase", "x", ""])
        | st.none(),
        "customer_id": ids | st.none(),
        "anonymous_id": ids | st.none(),
        "session_id": ids | st.none(),
        "ts": times,
        "sent_at": times,
        "received_at": times,
        "channel": ids | st.none(),
        "device": ids | st.none(),
        "source": ids | st.none(),
        "properties": property_texts,
    }
)


@given(st.lists(rows, min_size=1, max_size=8))
@settings(max_examples=300)
def test_any_table_is_read_as_its_rows_are(given_rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(given_rows, schema=OPTIONAL)
    check_same(table, TableReader(NOW).read(table))


@given(st.sampled_from(sorted(vocabulary().types)), property_texts)
@settings(max_examples=500)
def test_any_properties_are_read_as_in_one_event(kind: str, properties: str | None) -> None:
    table = table_of({"type": kind, "properties": properties})
    check_same(table, TableReader(NOW).read(table))


def test_what_is_remembered_gives_the_same_again() -> None:
    table = table_of(
        {"type": "order_completed", "properties": '{"total":1}'},
        {"type": "order_refunded", "properties": '{"total":1}'},
        {"type": "order_completed", "properties": '{"total":1}'},
        {"type": "review_submitted", "properties": '{"text":"good"}'},
        {"type": "review_submitted", "properties": '{"text":"good"}'},
    )
    reader = TableReader(NOW)
    check_same(table, reader.read(table))
    again = reader.read(table)
    check_same(table, again)
    assert again.dropped == {"text": 2}


def test_rows_keep_their_order_where_some_are_out_of_the_ordinary() -> None:
    table = table_of(
        {"event_id": "a"}, {"event_id": "b", "type": "view"}, {"event_id": "c", "type": "nothing"},
        {"event_id": "d"},
    )  # fmt: skip
    read = TableReader(NOW).read(table)
    assert read.events.column("event_id").to_pylist() == ["a", "b", "d"]
    assert read.rows.tolist() == [0, 1, 3]


def test_a_rows_own_moment_of_receipt_stands_unless_it_is_later() -> None:
    before, after = NOW - timedelta(days=3), NOW + timedelta(days=3)
    table = table_of({"received_at": before}, {"received_at": after}, {"received_at": None})
    read = TableReader(NOW).read(table)
    assert read.events.column("received_at").to_pylist() == [before, NOW, NOW]


def test_times_of_other_units_and_texts_of_other_widths_are_read() -> None:
    table = table_of({}).cast(
        OPTIONAL.set(5, pa.field("ts", pa.timestamp("ns"))).set(
            1, pa.field("type", pa.large_string())
        )
    )
    assert TableReader(NOW).read(table).events.num_rows == 1
