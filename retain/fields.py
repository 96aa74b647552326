"""The fields every event has, by any accepted spelling, and how their values are read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isinf
from typing import Any

from retain.clock import from_micros
from retain.set_aside import Refused

MAX_TEXT = 200

# the first spelling present wins; the others are then properties (Segment's page has a `name`)
COMMON_SPELLINGS = {
    "event_id": ("event_id", "eventId", "messageId", "insert_id", "id"),
    "type": ("event", "type", "event_type", "eventType", "event_name", "name"),
    "customer_id": ("customer_id", "customerId", "userId", "user_id"),
    "anonymous_id": ("anonymous_id", "anonymousId", "user_pseudo_id"),
    "session_id": ("session_id", "sessionId", "ga_session_id"),
    "timestamp": (
        "timestamp",
        "ts",
        "time",
        "occurred_at",
        "event_time",
        "originalTimestamp",
        "event_timestamp",
    ),
    "sent_at": ("sent_at", "sentAt"),
    "channel": ("channel",),
    "device": ("device", "device_type"),
    "source": ("source",),
}
HOISTED = frozenset({"session_id", "channel", "device", "source"})
# ours, written by the log: a record that brings them says nothing new
_OWN = frozenset({"seq", "received_at", "day"})
_COMMON = {
    spelling: (name, rank)
    for name, spellings in COMMON_SPELLINGS.items()
    for rank, spelling in enumerate(spellings)
}
_SECONDS, _MILLIS, _MICROS = 10**11, 10**14, 10**17


def split(record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Common fields, and everything else: nested ``properties`` and loose fields alike.

    Raises:
        Refused: ``properties`` or ``traits`` is not an object.
    """
    common: dict[str, Any] = {}
    loose: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in record.items():
        found = _COMMON.get(key)
        if found is None:
            if key not in _OWN:
                loose[str(key)] = value
            continue
        if value is None or value == "":
            continue
        name, rank = found
        held = ranks.get(name)
        if held is None or rank < held:
            if held is not None:
                loose[COMMON_SPELLINGS[name][held]] = common[name]
            common[name] = value
            ranks[name] = rank
        else:
            loose[key] = value
    bags = [bag_of(loose.pop(key), key) for key in ("traits", "properties") if key in loose]
    for bag in bags:
        loose.update(bag)
    for name in HOISTED & loose.keys():
        value = loose.pop(name)
        common.setdefault(name, value)
    return common, loose


def bag_of(given: Any, name: str) -> Mapping[str, Any]:
    """The object ``given`` is, or is the JSON text of; nothing is an empty one.

    Raises:
        Refused: it is neither.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given) if given else {}
        except (ValueError, RecursionError) as error:
            raise Refused("malformed_properties", f"{name} is not JSON: {error}") from None
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Refused("malformed_properties", f"{name} is not an object of names and values")
    return given


def text(value: Any, name: str) -> str | None:
    """An id or label as text, None where there is none; 17850.0 is "17850".

    Raises:
        Refused: it is not a text or number, longer than :data:`MAX_TEXT`, or not Unicode.
    """
    found = value.strip() if type(value) is str else _number_as_text(value, name)
    if not found:
        return None
    if len(found) > MAX_TEXT:
        raise Refused("invalid_field", f"{name} is longer than {MAX_TEXT} characters")
    if not storable(found):
        raise Refused("invalid_field", f"{name} holds a NUL or half a surrogate pair")
    return found


def _number_as_text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - the cheapest test for NaN, a frame's missing value
            return None
        if isinf(value):  # 1e999 in JSON: whatever it was, everybody of such an id would be one
            raise Refused("invalid_field", f"{name} is a number too large to be told from others")
        if value.is_integer():
            value = int(value)
    if isinstance(value, bool | bytes | Mapping | list | tuple | set):
        raise Refused("invalid_field", f"{name} is not a text or a number")
    try:
        return str(value).strip()
    except ValueError:  # an integer of thousands of digits
        raise Refused("invalid_field", f"{name} is not a text or a number") from None


def storable(value: str) -> bool:
    """Whether every store takes ``value``: no NUL, no half of a surrogate pair."""
    if value.isascii():
        return "\x00" not in value
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_time(value: Any) -> datetime | None:
    """A UTC time from ISO 8601 or epoch seconds, milliseconds or microseconds; else None."""
    try:
        if isinstance(value, str):
            if value[4:5] == "-" or not value.lstrip("-").replace(".", "", 1).isdigit():
                value = datetime.fromisoformat(value.strip())
            else:
                value = float(value) if "." in value else int(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return from_micros(epoch_micros(value))
    except (ValueError, OverflowError, OSError):
        return None
    return None


def epoch_micros(value: float) -> int:
    """Microseconds of an epoch time whose size tells its unit, seconds to nanoseconds."""
    size = abs(value)
    if size < _SECONDS:
        return round(value * 1_000_000)
    if size < _MILLIS:
        return round(value * 1_000)
    return round(value) if size < _MICROS else round(value) // 1_000
