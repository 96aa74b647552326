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
from pydantic import ValidationError

from retain.clock import iso, to_micros
from retain.properties import drop_unknown, properties_model
from retain.vocabulary import EventType, vocabulary

FUTURE_TOLERANCE = timedelta(minutes=5)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
ORDER_TYPES = frozenset({"order_completed", "order_cancelled", "order_refunded"})

COMMON_SPELLINGS = {
    "event_id": ("event_id", "eventId", "messageId", "id", "insert_id"),
    "type": ("type", "event", "event_type", "eventType", "event_name", "name"),
    "customer_id": ("customer_id", "customerId", "userId", "user_id"),
    "anonymous_id": ("anonymous_id", "anonymousId", "user_pseudo_id"),
    "session_id": ("session_id", "sessionId", "ga_session_id"),
    "timestamp": ("timestamp", "time", "occurred_at", "event_time", "originalTimestamp", "ts"),
    "sent_at": ("sent_at", "sentAt"),
    "channel": ("channel",),
    "device": ("device", "device_type"),
    "source": ("source",),
}
_COMMON = {spelling: name for name, row in COMMON_SPELLINGS.items() for spelling in row}
_HOISTED = frozenset({"session_id", "channel", "device", "source"})

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

    ``dropped`` names the properties that were given but are not in the vocabulary.
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


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that is not an event, with a countable ``reason`` and a sentence."""

    reason: str
    detail: str
    event_id: str | None = None


def read_event(record: Mapping[str, Any], received_at: datetime) -> Event | SetAside:
    """The event ``record`` describes, by any accepted spelling of names.

    Unknown types are set aside, unknown properties dropped and named in ``dropped``.
    A record without an id gets one from its content, so that sending it twice is a
    duplicate and not a second event.
    """
    common, loose = _split(record)
    given_id = common.get("event_id")
    event_id = str(given_id) if given_id not in (None, "") else None

    def aside(reason: str, detail: str) -> SetAside:
        return SetAside(reason, detail, event_id)

    spelling = common.get("type")
    if not isinstance(spelling, str) or not spelling:
        return aside("missing_type", "the event has no type; name one of the vocabulary")
    event_type = vocabulary().event_type(spelling)
    if event_type is None:
        return aside("unknown_type", f"{spelling!r} is not in the event vocabulary")
    customer_id, anonymous_id = _text(common, "customer_id"), _text(common, "anonymous_id")
    if not customer_id and not anonymous_id:
        return aside("no_customer_id", "give customer_id or anonymous_id")
    ts = read_time(common.get("timestamp"))
    if ts is None:
        return aside("unparseable_time", f"timestamp {common.get('timestamp')!r} is not a time")
    if ts > received_at + FUTURE_TOLERANCE:
        return aside("future_time", f"{iso(ts)} is after it was received ({iso(received_at)})")
    if ts < EARLIEST:
        return aside("implausible_time", f"{iso(ts)} is before {iso(EARLIEST)}")
    read = _read_properties(event_type, loose)
    if isinstance(read, SetAside):
        return aside(read.reason, read.detail)
    properties, dropped = read
    for name in _HOISTED & loose.keys():
        common.setdefault(name, loose[name])
    return Event(
        event_id=event_id or content_id(event_type.name, customer_id, anonymous_id, ts, properties),
        type=event_type.name,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        session_id=_text(common, "session_id"),
        ts=ts,
        sent_at=read_time(common.get("sent_at")),
        received_at=received_at,
        channel=_text(common, "channel"),
        device=_text(common, "device"),
        source=_text(common, "source"),
        properties=properties,
        dropped=dropped,
    )


def content_id(*parts: Any) -> str:
    """A stable id from the content of a record that brought none (128 bits of BLAKE2b)."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_time(value: Any) -> datetime | None:
    """A UTC time from ISO 8601 or epoch seconds, milliseconds or microseconds; else None."""
    try:
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, str) and value:
            if not value.lstrip("-").replace(".", "", 1).isdigit():
                return read_time(datetime.fromisoformat(value))
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            while abs(value) > 1e11:
                value /= 1000
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def to_table(events: Iterable[Event]) -> pa.Table:
    """Events as one table of :data:`EVENT_SCHEMA`."""
    rows = [
        {
            "event_id": e.event_id,
            "type": e.type,
            "customer_id": e.customer_id,
            "anonymous_id": e.anonymous_id,
            "session_id": e.session_id,
            "ts": to_micros(e.ts),
            "sent_at": None if e.sent_at is None else to_micros(e.sent_at),
            "received_at": to_micros(e.received_at),
            "channel": e.channel,
            "device": e.device,
            "source": e.source,
            "properties": json.dumps(e.properties, separators=(",", ":"), default=iso),
        }
        for e in events
    ]
    return pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)


def _split(record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Common fields, and everything else: nested ``properties`` and loose fields alike."""
    common: dict[str, Any] = {}
    loose: dict[str, Any] = {}
    for key, value in record.items():
        name = _COMMON.get(key)
        if name is None:
            loose[key] = value
        elif value is not None:
            # the first spelling in COMMON_SPELLINGS wins: Segment's `type` is only "track"
            if name == "type" and key == "type" and "event" in record:
                continue
            common.setdefault(name, value)
    nested = [loose.pop(key) for key in ("properties", "traits") if key in loose]
    for given in nested:
        bag = json.loads(given or "{}") if isinstance(given, str) else given
        if isinstance(bag, Mapping):
            loose = {**loose, **bag}
    return common, loose


def _text(common: Mapping[str, Any], name: str) -> str | None:
    value = common.get(name)
    return None if value is None or value == "" else str(value)


def _read_properties(
    event_type: EventType, loose: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]] | SetAside:
    known, dropped = drop_unknown(event_type, loose)
    try:
        model = properties_model(event_type.name).model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return SetAside("invalid_property", f"properties.{where}: {first['msg']}")
    properties = model.model_dump(exclude_none=True)
    if event_type.name in ORDER_TYPES:
        total = order_total(properties)
        if total is None:
            return SetAside("no_value", f"{event_type.name} needs `total` or priced `lines`")
        properties["total"] = total
    return properties, tuple(name for name in dropped if name not in _HOISTED)


def order_total(properties: Mapping[str, Any]) -> float | None:
    """``total`` as given, else the lines' values less the order's discount; else None.

    The total is product revenue in the order's currency: after discounts, without
    shipping and tax where the lines are given.
    """
    if (total := properties.get("total")) is not None:
        return abs(float(total))
    lines = properties.get("lines") or []
    if not lines or any(line.get("price") is None for line in lines):
        return None
    gross: float = sum(
        float(line["price"]) * abs(line.get("quantity") or 1) - (line.get("discount") or 0)
        for line in lines
    )
    return max(gross - (properties.get("discount") or 0), 0.0)
