"""What is logged: the table of events, its rows, and their way in and out of it."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    any_,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from retain import postgres
from retain.database import Id, in_parts, metadata
from retain.event import EVENT_SCHEMA

OF_MESSAGES = (
    "type IN ('message_bounced', 'message_clicked', 'message_complained', 'message_delivered', "
    "'message_opened', 'message_sent', 'message_unsubscribed')"
)
"""Events that tell of messages. Every decision counts those of a customer, who has many others;
a query that says it in these words finds them by an index of their own (:func:`index_messages`)."""

# to SQLite the columns behind the time say all that is asked of messages, so that nothing is
# looked up in the table, where a customer's lie far apart; PostgreSQL's indexes hold no long texts
_MESSAGES_INDEXES = {
    "postgresql": ("events_of_messages", "customer_id, ts"),
    "sqlite": ("events_of_whole_messages", "customer_id, ts, type, channel, properties"),
}
NARROW_INDEX = _MESSAGES_INDEXES["postgresql"][0]
"""An earlier version had it on SQLite too, and makes it again where it opens the log."""

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", Id, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("customer_id", Id),
    Column("anonymous_id", String),
    Column("session_id", String),
    Column("ts", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Column("channel", String),
    Column("device", String),
    Column("source", String),
    Column("properties", Text, nullable=False),
    Index("events_by_customer", "customer_id", "ts"),
    Index(
        "events_by_visitor",
        "anonymous_id",
        "ts",
        sqlite_where=text("customer_id IS NULL"),
        postgresql_where=text("customer_id IS NULL"),
    ),
    sqlite_autoincrement=True,  # a sequence number is never used twice, also after a deletion
)


def messages_index(dialect: str) -> str:
    """The name of the index of messages."""
    return _MESSAGES_INDEXES[dialect][0]


def index_messages(connection: Connection) -> None:
    """Make the index of messages, after the others: of those alike to it, SQLite takes the last."""
    name, columns = _MESSAGES_INDEXES[connection.dialect.name]
    made = f"CREATE INDEX IF NOT EXISTS {name} ON events ({columns}) WHERE {OF_MESSAGES}"
    connection.exec_driver_sql(made)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {NARROW_INDEX}")


LOGGED_SCHEMA = EVENT_SCHEMA.insert(0, pa.field("seq", pa.int64(), nullable=False))
Row = tuple[Any, ...]
_TIMES = ("ts", "sent_at", "received_at")
_INSERT = (
    f"INSERT INTO events ({', '.join(EVENT_SCHEMA.names)}) "
    f"VALUES ({', '.join('?' * len(EVENT_SCHEMA))}) ON CONFLICT (event_id) DO NOTHING"
)
_AT_ONCE = 2_000
_INSERT_AT_ONCE = (
    f"INSERT INTO events ({', '.join(EVENT_SCHEMA.names)}) "
    f"SELECT {', '.join(f'value ->> {at}' for at in range(len(EVENT_SCHEMA)))} "
    "FROM json_each(?) WHERE true ON CONFLICT (event_id) DO NOTHING"
)


def insert_new(connection: Connection, rows: list[Row]) -> list[Row]:
    """Store the rows whose ids are new, the first of each, and give them back."""
    if connection.dialect.name == "postgresql":
        fresh = _new(rows, stored_in(connection, [row[0] for row in rows]))
        postgres.copy(connection, events.name, fresh, ", ".join(EVENT_SCHEMA.names))
        return fresh
    # mostly all are new, which is cheapest to find out by trying; where some are not, the try
    # is undone, so that they leave no gaps in the sequence
    connection.exec_driver_sql("SAVEPOINT all_new")
    inserted = _try(connection, rows)
    if inserted == len(rows):
        connection.exec_driver_sql("RELEASE all_new")
        return rows
    connection.exec_driver_sql("ROLLBACK TO all_new")
    fresh = _new(rows, stored_in(connection, [row[0] for row in rows]))
    if fresh:
        _try(connection, fresh)
    return fresh


def _try(connection: Connection, rows: list[Row]) -> int:
    """How many of ``rows`` had new ids; those are in the table now."""
    if len(rows) <= _AT_ONCE:
        # one step for all: between steps other threads take their turn, of milliseconds each
        given = json.dumps(rows, ensure_ascii=False)
        return connection.exec_driver_sql(_INSERT_AT_ONCE, (given,)).rowcount
    return connection.exec_driver_sql(_INSERT, rows).rowcount


def _new(rows: list[Row], known: set[str]) -> list[Row]:
    return list({row[0]: row for row in reversed(rows) if row[0] not in known}.values())[::-1]


def stored_in(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the event ``ids`` that are in the log."""
    if connection.dialect.name == "postgresql":
        among = events.c.event_id == any_(literal(list(ids), ARRAY(String)))
        return set(connection.scalars(select(events.c.event_id).where(among)))
    known: set[str] = set()
    for part in in_parts(ids):
        query = select(events.c.event_id).where(events.c.event_id.in_(part))
        known.update(connection.scalars(query))
    return known


def surplus_of(rows: list[Row], fresh: list[Row]) -> set[str]:
    """The ids of ``rows`` that are there more often than in ``fresh``."""
    surplus = Counter(row[0] for row in rows)
    surplus.subtract(row[0] for row in fresh)
    return {event_id for event_id, times in surplus.items() if times > 0}


def last_seq_in(connection: Connection) -> int:
    """The highest sequence number, 0 where the log is empty, within a transaction."""
    return int(connection.scalar(select(func.max(events.c.seq))) or 0)


def to_rows(table: pa.Table) -> list[Row]:
    """A table of :data:`EVENT_SCHEMA` as rows; times are epoch microseconds."""
    columns = [
        table.column(name).cast(pa.int64()) if name in _TIMES else table.column(name)
        for name in EVENT_SCHEMA.names
    ]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def to_table(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of :data:`events` as :data:`LOGGED_SCHEMA`."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(LOGGED_SCHEMA)
    arrays = [
        pa.array(column, pa.int64()).cast(field.type)
        if field.name in _TIMES
        else pa.array(column, field.type)
        for field, column in zip(LOGGED_SCHEMA, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=LOGGED_SCHEMA)
