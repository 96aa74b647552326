"""The pydantic models of event properties, built from the vocabulary's table."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from retain.vocabulary import EventType, vocabulary

_PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "number": float,
    "time": datetime,
    "strings": list[str],
}


class _Properties(BaseModel):
    model_config = ConfigDict(
        extra="ignore", coerce_numbers_to_str=True, allow_inf_nan=False, str_max_length=2_000
    )


@cache
def line_model() -> type[BaseModel]:
    """One order line."""
    return _model("OrderLine", vocabulary().line)


@cache
def properties_model(type_name: str) -> type[BaseModel]:
    """The properties of one event type, all optional."""
    event_type = vocabulary().types[type_name]
    return _model("".join(word.title() for word in type_name.split("_")), event_type.properties)


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
            known[name] = _lines(value) if name == "lines" else value
    return known, dropped


def _lines(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    spoken = vocabulary()
    return [
        {name: v for k, v in line.items() if (name := spoken.line_property(k)) and v is not None}
        if isinstance(line, Mapping)
        else line
        for line in value
    ]


def json_schema() -> dict[str, Any]:
    """JSON Schema of every event type's properties, as the docs publish it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Retain event properties, vocabulary version {vocabulary().version}",
        "properties": {
            name: properties_model(name).model_json_schema() for name in vocabulary().types
        },
    }


def _model(name: str, properties: Mapping[str, str]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        field: (_python_type(kind) | None, Field(default=None))
        for field, kind in properties.items()
    }
    return create_model(name, __base__=_Properties, **fields)


def _python_type(kind: str) -> Any:
    return list[line_model()] if kind == "lines" else _PYTHON_TYPES[kind]  # type: ignore[misc]
