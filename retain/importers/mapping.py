"""The mapping file: which column of a table means what, declared in YAML.

``docs/guides/importing.md`` explains it; the presets in ``presets/`` are examples.
"""

from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from retain.errors import InvalidInput
from retain.importers.currency import known_currency
from retain.vocabulary import vocabulary

LINE_AMOUNT = "amount"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Part):
    """Where a value comes from: the first of ``column`` that the file has, or a constant."""

    column: tuple[str, ...] = ()
    constant: str | None = None
    optional: bool = False


def _value(given: Any) -> Any:
    if isinstance(given, str):
        return {"column": (given,)}
    if isinstance(given, list):
        return {"column": tuple(given)}
    if isinstance(given, dict):
        read = dict(given)
        if isinstance(read.get("column"), str):
            read["column"] = (read["column"],)
        if "constant" in read:
            read["constant"] = str(read["constant"])
        if bool(read.get("column")) == ("constant" in read):
            raise ValueError("give either a column or a constant")
        return read
    return given


AValue = Annotated[Value, BeforeValidator(_value)]


class Layout(_Part):
    """How the file is laid out; ``columns`` names the fields of one without a header.

    With ``decimal`` comma, 1.234,50 is a number and 1,234.50 is none.
    """

    separator: str | None = None
    decimal: Literal["point", "comma"] = "point"
    columns: tuple[tuple[str, ...], ...] = ()

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return [given] if given and isinstance(given[0], str) else given

    @field_validator("separator")
    @classmethod
    def _named(cls, given: str | None) -> str | None:
        found = {"tab": "\t", "comma": ",", "semicolon": ";"}.get(given or "", given)
        if found is not None and found != "whitespace" and len(found) != 1:
            raise ValueError("one character, tab, or whitespace")
        return found


class Time(Value):
    """A time: ``iso``, ``epoch`` (its size tells the unit), ``day``, or strptime patterns.

    ``zone`` is that of times which name none. ``clock`` is the column with the time of day
    where the date stands alone: it is read after the date and a space. A ``day`` is a number
    of days since ``day_zero``; its fraction is the time of day.
    """

    format: tuple[str, ...] = ("iso",)
    zone: str = "UTC"
    clock: Annotated[Value, BeforeValidator(_value)] | None = None
    day_zero: date | None = None

    @field_validator("format", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("zone")
    @classmethod
    def _exists(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{given!r} is not a time zone, like Europe/London") from None
        return given

    @model_validator(mode="after")
    def _counted_from_somewhere(self) -> Self:
        if ("day" in self.format) != (self.day_zero is not None):
            raise ValueError("the format day and day_zero, like 2014-12-31, need each other")
        if self.clock is not None and "day" in self.format:
            raise ValueError("a clock goes with dates, not with the format day")
        return self


class Type(Value):
    """The event type; ``values`` gives the vocabulary's word for the file's own."""

    values: dict[str, str] = Field(default_factory=dict)

    @field_validator("values", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return {str(k): v for k, v in given.items()} if isinstance(given, dict) else given


class Mapping(_Part):
    """A table's columns as events."""

    name: str = Field(default="csv", pattern=r"^[A-Za-z0-9_.-]{1,50}$")
    file: Layout = Layout()
    type: Annotated[Type, BeforeValidator(_value)]
    time: Annotated[Time, BeforeValidator(_value)]
    event_id: AValue | None = None
    customer_id: AValue | None = None
    anonymous_id: AValue | None = None
    session_id: AValue | None = None
    channel: AValue | None = None
    device: AValue | None = None
    source: AValue | None = None
    order_id: AValue | None = None
    properties: dict[str, AValue] = Field(default_factory=dict)
    lines: dict[str, AValue] = Field(default_factory=dict)
    duplicates: Literal["set_aside", "keep"] = "set_aside"
    negative: Literal["set_aside", "refund"] = "set_aside"
    non_product_codes: tuple[str, ...] = ()
    currency: str | None = None

    @field_validator("properties")
    @classmethod
    def _in_vocabulary(cls, given: dict[str, Value]) -> dict[str, Value]:
        known = {n for row in vocabulary().types.values() for n in row.properties} - {"lines"}
        return _only(given, known)

    @field_validator("lines")
    @classmethod
    def _in_line(cls, given: dict[str, Value]) -> dict[str, Value]:
        return _only(given, {*vocabulary().line, LINE_AMOUNT})

    @field_validator("non_product_codes", mode="before")
    @classmethod
    def _codes(cls, given: Any) -> Any:
        return [str(code) for code in given] if isinstance(given, Sequence) else given

    def fields(self) -> dict[str, Value]:
        """The common fields that are mapped."""
        names = ("event_id", "customer_id", "anonymous_id", "session_id", "channel", "device",
                 "source", "order_id")  # fmt: skip
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def load(path: Path) -> Mapping:
    """The mapping in the YAML file at ``path``.

    Raises:
        InvalidInput: it is missing, not YAML, or says something a mapping does not have.
    """
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"the mapping {path} cannot be read: {error}", remedy="check --map", field="mapping"
        ) from error


def preset(name: str) -> Mapping:
    """A mapping that comes with Retain."""
    place = files("retain.importers").joinpath("presets", f"{name}.yaml")
    return parse(place.read_text("utf-8"), name)


def parse(text: str, origin: str) -> Mapping:
    """The mapping ``text`` declares.

    Raises:
        InvalidInput: the message names the part at fault.
    """
    try:
        mapping = Mapping.model_validate(yaml.safe_load(text))
        known_currency(mapping.currency)
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"the mapping {origin} is not YAML: {error}", remedy="check --map", field="mapping"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the mapping"
        raise InvalidInput(
            f"the mapping {origin} is not valid: {where}: {first['msg']}",
            remedy="docs/guides/importing.md describes every part of a mapping",
            field=where,
        ) from error
    return mapping


def _only(given: dict[str, Value], known: set[str]) -> dict[str, Value]:
    if unknown := sorted(set(given) - known):
        raise ValueError(f"{', '.join(unknown)} not in the vocabulary ({', '.join(sorted(known))})")
    return given
