"""Event properties: what the vocabulary declares, checked and in its order.

Most records already come in the vocabulary's own names and types: :func:`canonical`
proves it in a microsecond. Everything else goes through pydantic; both give the same.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from retain.clock import iso
from retain.fields import storable
from retain.order import MAX_NUMBER, ORDER_TYPES, settle
from retain.set_aside import Refused
from retain.vocabulary import EventType, vocabulary

MAX_PROPERTY_TEXT = 2_000
_ABSENT: Any = object()

encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), default=iso).encode
"""Properties as the JSON text every table holds; times in ISO 8601."""


def read_properties(
    event_type: EventType, given: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The properties of one event, and the names given that the vocabulary does not have.

    Raises:
        Refused: a value is not of its declared type, or an order has no value.
    """
    dropped: tuple[str, ...] = ()
    properties = canonical(event_type.properties, given)
    if properties is None:
        known, unknown = drop_unknown(event_type, given)
        properties, dropped = _validated(event_type, known), tuple(unknown)
    currency = properties.get("currency")
    if currency is not None and currency not in vocabulary().currencies:
        code = currency.strip().upper()
        if code not in vocabulary().currencies:
            raise Refused("unknown_currency", f"{currency!r} is not an ISO 4217 currency")
        properties["currency"] = code
    if event_type.name in ORDER_TYPES:
        settle(event_type.name, properties)
    return properties, dropped


def canonical(names: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """``given`` in the order of ``names``, or None where that takes more than a look."""
    found: dict[str, Any] = {}
    seen = 0
    for name, kind in names.items():
        value = given.get(name, _ABSENT)
        if value is _ABSENT:
            continue
        seen += 1
        if value is None:
            continue
        read = _CANONICAL[kind](value)
        if read is None:
            return None
        found[name] = read
    return found if seen == len(given) else None


def drop_unknown(
    event_type: EventType, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """``given`` under the vocabulary's own names, and the names it does not have."""
    spoken = vocabulary()
    known: dict[str, Any] = {}
    dropped: list[str] = []
    for spelling, value in given.items():
        name = spoken.property_name(spelling, event_type)
        if name is None:
            dropped.append(spelling)
        elif value is not None and (name == spelling or name not in known):
            known[name] = _lines(value, spelling, dropped) if name == "lines" else _as_given(value)
    return known, dropped


def json_schema() -> dict[str, Any]:
    """JSON Schema of every event type's properties, as the docs publish it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Retain event properties, vocabulary version {vocabulary().version}",
        "properties": {
            name: properties_model(name).model_json_schema() for name in vocabulary().types
        },
    }


@cache
def line_model() -> type[BaseModel]:
    """One order line."""
    return _model("OrderLine", vocabulary().line)


@cache
def properties_model(type_name: str) -> type[BaseModel]:
    """The properties of one event type, all optional."""
    event_type = vocabulary().types[type_name]
    return _model("".join(word.title() for word in type_name.split("_")), event_type.properties)


def _validated(event_type: EventType, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        model = properties_model(event_type.name).model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise Refused("invalid_property", f"properties.{where}: {said}") from None
    return model.model_dump(exclude_none=True)


def _as_given(value: Any) -> Any:
    # a frame's integer column with gaps holds floats: product 21232.0 is product 21232
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _lines(value: Any, spelling: str, dropped: list[str]) -> Any:
    if not isinstance(value, list):
        return value
    spoken = vocabulary()
    lines: list[Any] = []
    for line in value:
        if not isinstance(line, Mapping):
            lines.append(line)
            continue
        read: dict[str, Any] = {}
        for key, given in line.items():
            name = spoken.line_property(str(key))
            if name is None:
                if f"{spelling}.{key}" not in dropped:
                    dropped.append(f"{spelling}.{key}")
            elif given is not None and (name == key or name not in read):
                read[name] = _as_given(given)
        lines.append(read)
    return lines


def _canonical_string(value: Any) -> str | None:
    fits = type(value) is str and len(value) <= MAX_PROPERTY_TEXT and storable(value)
    return value if fits else None


def _canonical_number(value: Any) -> float | None:
    if type(value) is float:
        return value if -MAX_NUMBER <= value <= MAX_NUMBER else None
    return float(value) if type(value) is int and -MAX_NUMBER <= value <= MAX_NUMBER else None


def _canonical_strings(value: Any) -> list[str] | None:
    if type(value) is list and all(_canonical_string(item) is not None for item in value):
        return value
    return None


def _canonical_lines(value: Any) -> list[dict[str, Any]] | None:
    if type(value) is not list:
        return None
    names = vocabulary().line
    lines = []
    for line in value:
        read = canonical(names, line) if type(line) is dict else None
        if read is None:
            return None
        lines.append(read)
    return lines


_CANONICAL: dict[str, Callable[[Any], Any]] = {
    "string": _canonical_string,
    "number": _canonical_number,
    "time": lambda _: None,
    "strings": _canonical_strings,
    "lines": _canonical_lines,
}


def _storable(value: str) -> str:
    if not storable(value):
        raise ValueError("it holds a NUL character")
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("it is a number too large to be told from others, or none")
    return value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_Text = Annotated[str, BeforeValidator(_finite), AfterValidator(_storable)]
_PYTHON_TYPES: dict[str, Any] = {
    "string": _Text,
    "number": Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)],
    "time": Annotated[datetime, AfterValidator(_utc)],
    "strings": list[_Text],
}


class _Properties(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
        str_max_length=MAX_PROPERTY_TEXT,
    )


def _model(name: str, properties: Mapping[str, str]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        field: (_python_type(kind) | None, Field(default=None))
        for field, kind in properties.items()
    }
    return create_model(name, __base__=_Properties, **fields)


def _python_type(kind: str) -> Any:
    return list[line_model()] if kind == "lines" else _PYTHON_TYPES[kind]  # type: ignore[misc]
