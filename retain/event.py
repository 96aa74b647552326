"""Events: something a customer did, or that was done to them.

An :class:`Event` is what is left after a caller's record was read by the vocabulary:
one type, one customer or anonymous visitor, one UTC time, one id that makes it
idempotent, and the properties its type declares. A record that cannot become one is a
:class:`SetAside` with a reason: never an exception, never dropped in silence.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from retain.clock import iso, to_micros
from retain.fields import COMMON_SPELLINGS, read_time, split, text
from retain.order import ORDER_TYPES, order_total
from retain.properties import encode, read_properties
from retain.set_aside import Refused, SetAside
from retain.vocabulary import EventType, vocabulary

__all__ = [
    "COMMON_SPELLINGS",
    "EARLIEST",
    "EVENT_SCHEMA",
    "FUTURE_TOLERANCE",
    "ORDER_TYPES",
    "Event",
    "SetAside",
    "content_id",
    "order_total",
    "read_event",
    "read_time",
    "to_row",
    "to_table",
]

FUTURE_TOLERANCE = timedelta(minutes=5)
_MESSAGE_CHANNELS = ("email", "push", "sms")
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

EVENT_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("customer_id", pa.string()),
        pa.field("anonymous_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("sent_at", pa.timestamp("us", "UTC")),
        pa.field("received_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("device", pa.string()),
        pa.field("source", pa.string()),
        pa.field("properties", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event; ``properties`` holds only what the vocabulary declares.

    ``dropped`` names the properties that were given but are not in the vocabulary;
    ``corrected_from`` is the time as given, where the sender's clock was corrected.
    """

    event_id: str
    type: str
    customer_id: str | None
    anonymous_id: str | None
    session_id: str | None
    ts: datetime
    sent_at: datetime | None
    received_at: datetime
    channel: str | None
    device: str | None
    source: str | None
    properties: Mapping[str, Any]
    dropped: tuple[str, ...] = ()
    corrected_from: datetime | None = None


def read_event(
    record: Mapping[str, Any], received_at: datetime, *, live: bool = False
) -> Event | SetAside:
    """The event ``record`` describes, by any accepted spelling of names.

    Unknown types are set aside, unknown properties dropped and named in ``dropped``.
    A record without an id gets one from its content, so that sending it twice is a
    duplicate and not a second event. ``live``: the record was sent just now, not
    imported, so that its sender's clock can be corrected (:func:`on_our_clock`).
    """
    if not isinstance(record, Mapping):
        return SetAside("not_an_object", "an event is an object of names and values")
    event_id = None
    try:
        common, loose = split(record)
        event_id = text(common.get("event_id"), "event_id")
        return _read(event_id, common, loose, received_at, live=live)
    except Refused as refused:
        return SetAside(refused.reason, refused.detail, event_id)


def on_our_clock(ts: datetime, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When an event happened by the receiver's clock, never after it was received.

    Between happening and sending, the sender's clock was off by the same amount: the event is
    as much older than its receipt as it was when it was sent (Segment's correction). What is
    then still up to :data:`FUTURE_TOLERANCE` in the future happened when it was received.

    Raises:
        Refused: it is further in the future than that.
    """
    own = ts
    if sent_at is not None:
        try:
            own = received_at - (sent_at - ts)
        except OverflowError:
            raise Refused("implausible_time", "timestamp and sent_at are eras apart") from None
    if own <= received_at:
        return own
    _refuse_future(own, received_at)
    return received_at


def _refuse_future(ts: datetime, received_at: datetime) -> None:
    if ts > received_at + FUTURE_TOLERANCE:
        raise Refused("future_time", f"{iso(ts)} is after it was received ({iso(received_at)})")


def _read(
    event_id: str | None,
    common: Mapping[str, Any],
    loose: Mapping[str, Any],
    received_at: datetime,
    *,
    live: bool,
) -> Event:
    spelling = common.get("type")
    if not isinstance(spelling, str):
        raise Refused("missing_type", "the event has no type; name one of the vocabulary")
    event_type = vocabulary().event_type(spelling)
    if event_type is None:
        raise Refused("unknown_type", f"{spelling[:200]!r} is not in the event vocabulary")
    customer_id = text(common.get("customer_id"), "customer_id")
    anonymous_id = text(common.get("anonymous_id"), "anonymous_id")
    if not customer_id and not anonymous_id:
        raise Refused("no_customer_id", "give customer_id or anonymous_id")
    given_ts = read_time(common.get("timestamp"))
    if given_ts is None:
        given = repr(common.get("timestamp"))[:200]
        raise Refused("unparseable_time", f"timestamp {given} is not a time")
    sent_at = read_time(common["sent_at"]) if "sent_at" in common else None
    if live:
        ts = on_our_clock(given_ts, sent_at, received_at)
    else:
        ts = given_ts
        _refuse_future(ts, received_at)
    if ts < EARLIEST:
        raise Refused("implausible_time", f"{iso(ts)} is before {iso(EARLIEST)}")
    properties, dropped = read_properties(event_type, loose)
    if sent_at is None and "sent_at" in common:
        dropped = (*dropped, "sent_at")
    if event_id is None:
        # of the time as given: a record that is sent again is corrected by another moment
        content = (event_type.name, customer_id, anonymous_id, given_ts, properties)
        event_id = content_id(*content)
    return Event(
        event_id=event_id,
        type=event_type.name,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=text(common.get("session_id"), "session_id"),
        ts=ts,
        sent_at=sent_at,
        received_at=received_at,
        channel=text(common.get("channel"), "channel") or _channel_in(spelling, event_type),
        device=text(common.get("device"), "device"),
        source=text(common.get("source"), "source"),
        properties=properties,
        dropped=dropped,
        corrected_from=None if ts == given_ts else given_ts,
    )


def _channel_in(spelling: str, event_type: EventType) -> str | None:
    """The channel a spelling like "Email Opened" names, which ``message_opened`` does not."""
    if event_type.family != "messages":
        return None
    return next((name for name in _MESSAGE_CHANNELS if spelling.lower().startswith(name)), None)


def content_id(*parts: Any) -> str:
    """A stable id from the content of a record that brought none (128 bits of BLAKE2b)."""
    content = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def to_row(event: Event) -> tuple[str | int | None, ...]:
    """The values of :data:`EVENT_SCHEMA`, times in epoch microseconds: as the log keeps them."""
    return (
        event.event_id,
        event.type,
        event.customer_id,
        event.anonymous_id,
        event.session_id,
        to_micros(event.ts),
        None if event.sent_at is None else to_micros(event.sent_at),
        to_micros(event.received_at),
        event.channel,
        event.device,
        event.source,
        encode(event.properties),
    )


def to_table(events: Iterable[Event]) -> pa.Table:
    """Events as one table of :data:`EVENT_SCHEMA`."""
    rows = [to_row(event) for event in events]
    columns = zip(*rows, strict=True) if rows else [()] * len(EVENT_SCHEMA)
    arrays = [
        pa.array(column, pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array(column, field.type)
        for field, column in zip(EVENT_SCHEMA, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA)
