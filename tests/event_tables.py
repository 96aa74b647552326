"""Event tables made by hand, and faults planted in tables that have none."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from retain.event import EVENT_SCHEMA, Event, to_table

AS_OF = datetime(2026, 10, 31, tzinfo=UTC)


def event(
    number: int,
    event_type: str,
    at: datetime,
    customer_id: str | None = "c1",
    properties: dict[str, Any] | None = None,
    **common: Any,
) -> Event:
    """One event; what is not given is what most events are."""
    fields = {"anonymous_id": None, "session_id": None, "sent_at": None, "channel": "web"}
    fields |= {"device": "desktop", "source": "shop", "received_at": at, **common}
    return Event(
        event_id=f"planted-{number}-{event_type}-{at.timestamp()}",
        type=event_type,
        customer_id=customer_id,
        ts=at,
        properties=properties or {},
        **fields,
    )


def steady(
    event_type: str = "page_viewed",
    *,
    per_day: int = 48,
    days: int = 90,
    until: datetime = AS_OF,
    properties: dict[str, Any] | None = None,
) -> list[Event]:
    """Evenly spaced events of forty customers, the last at ``until``."""
    gap = timedelta(days=1) / per_day
    return [
        event(n, event_type, until - n * gap, f"c{n % 40}", properties)
        for n in range(per_day * days)
    ]


def with_events(table: pa.Table, more: Iterable[Event]) -> pa.Table:
    """``table`` and ``more`` events."""
    return pa.concat_tables([table, to_table(more)])


def changed(table: pa.Table, query: str) -> pa.Table:
    """The rows of ``query`` over ``events``: a fault in SQL."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("events", table)
        return connection.sql(query).to_arrow_table().cast(EVENT_SCHEMA)
