"""What reading a record did to it, name by name: for whoever is about to send such records."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from retain.clock import iso
from retain.envelopes import unwrap
from retain.event import Event, SetAside
from retain.fields import COMMON_SPELLINGS, split
from retain.set_aside import Refused
from retain.vocabulary import EventType, vocabulary

Json = dict[str, Any]

_SHOWN = 200
_NOT_THERE = "the vocabulary has no such property of this type"


def explained(record: Any, read: Event | SetAside) -> Json:
    """Everything that became of ``record``, which was read as ``read``.

    ``properties`` has one entry for each name given and for each value that was derived:
    ``kept`` as it is, ``renamed`` (another spelling), ``converted`` (another type or form),
    ``derived`` (from the others), or ``dropped``, with the reason where there is one to say.
    """
    if not isinstance(record, Mapping):
        return {"envelope": None, "type": None, "properties": []}
    plain = unwrap(record)
    try:
        common, loose = split(plain)
    except Refused as refused:
        return {"envelope": _envelope(record, plain), "type": None, "properties": [],
                "why": refused.detail}  # fmt: skip
    event_type = _type_of(common.get("type"))
    event = read if isinstance(read, Event) else None
    return {
        "envelope": _envelope(record, plain),
        "type": {
            "given": _short(common.get("type")),
            "read_as": event_type.name if event_type else None,
        },
        "fields": list(_fields(plain, common)),
        "properties": list(_properties(event_type, loose, event)),
        "time": _time(common.get("timestamp"), event),
        "customer": _customer(event),
    }


def _envelope(record: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    if plain is record:
        return "retain"
    return "cloudevents" if "specversion" in record else "segment"


def _type_of(given: Any) -> EventType | None:
    return vocabulary().event_type(given) if isinstance(given, str) else None


def _fields(plain: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Json]:
    """Fields every event has, and which of the given names each was read from."""
    for name in common:
        spelling = next((s for s in COMMON_SPELLINGS[name] if plain.get(s) not in (None, "")), name)
        yield {"given": spelling, "read_as": name}


def _properties(
    event_type: EventType | None, loose: Mapping[str, Any], event: Event | None
) -> Iterator[Json]:
    if event_type is None:
        yield from (_dropped(name, "the type is not known") for name in loose)
        return
    stored = event.properties if event else {}
    told: set[str] = set()
    for spelling, value in loose.items():
        name = vocabulary().property_name(spelling, event_type)
        if name is None:
            yield _dropped(spelling, _NOT_THERE)
        elif value is None:
            yield _dropped(spelling, "it has no value", name)
        elif name != spelling and loose.get(name) is not None:
            yield _dropped(spelling, f"{name} itself is given, and counts", name)
        elif name in told:
            yield _dropped(spelling, f"{name} came before, by another spelling", name)
        else:
            told.add(name)
            yield _kept(spelling, name, value, stored) if event else _read_as(spelling, name)
            if name == "lines":
                yield from _line_names(spelling, value)
    for name in stored:
        if name not in told:
            yield {"given": None, "property": name, "outcome": "derived",
                   "value": _plain(stored[name])}  # fmt: skip


def _read_as(spelling: str, name: str) -> Json:
    outcome = "kept" if spelling == name else "renamed"
    return {"given": spelling, "property": name, "outcome": outcome}


def _kept(spelling: str, name: str, given: Any, stored: Mapping[str, Any]) -> Json:
    entry = _read_as(spelling, name)
    value = stored.get(name)
    # 1 and 1.0 are one number; "1" and 1 are not the same value
    same = value == given and (isinstance(value, str) == isinstance(given, str))
    if not same and name != "lines":
        entry |= {"outcome": "converted", "from": _short(given), "value": _plain(value)}
    return entry


def _line_names(spelling: str, lines: Any) -> Iterator[Json]:
    """Names inside order lines, each once, that are not the vocabulary's own."""
    seen: dict[str, None] = {}
    for line in lines if isinstance(lines, list) else ():
        seen |= dict.fromkeys(map(str, line)) if isinstance(line, Mapping) else {}
    for key in seen:
        name = vocabulary().line_property(key)
        if name is None:
            yield _dropped(f"{spelling}.{key}", "order lines have no such property")
        elif name != key:
            yield _read_as(f"{spelling}.{key}", f"lines.{name}")


def _dropped(spelling: str, why: str, name: str | None = None) -> Json:
    return {"given": spelling, "property": name, "outcome": "dropped", "why": why}


def _time(given: Any, event: Event | None) -> Json:
    if event is None:
        return {"given": _short(given), "stored": None}
    entry: Json = {"given": _short(given), "stored": iso(event.ts)}
    if event.corrected_from is not None:
        seconds = (event.ts - event.corrected_from).total_seconds()
        entry["why"] = (
            f"moved by {seconds:+,.3f} seconds: the sender's clock is not ours"
            if event.sent_at is not None
            else "it was just ahead of our clock, and is stored as of its receipt"
        )
    return entry


def _customer(event: Event | None) -> Json | None:
    if event is None:
        return None
    entry: Json = {"customer_id": event.customer_id, "anonymous_id": event.anonymous_id}
    if event.customer_id is None:
        entry["why"] = "anonymous: it counts for the customer an identity_linked event names"
    return entry


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else None if value is None else repr(value)
    return text if text is None or len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
