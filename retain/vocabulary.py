"""The event vocabulary as data: names, families, aliases and typed properties.

The table itself is ``vocabulary.yaml``; this module reads it and resolves names.
Sources of the names: Segment's e-commerce, email and B2B tracking specifications
and Google Analytics 4's recommended events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from retain import yaml_text


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the vocabulary: ``properties`` maps a property's name to its type."""

    name: str
    family: str
    aliases: tuple[str, ...]
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every event type, and the spellings that lead to it."""

    version: int
    families: tuple[str, ...]
    types: Mapping[str, EventType]
    line: Mapping[str, str]
    currencies: frozenset[str]
    _spellings: Mapping[str, str]
    _property_spellings: Mapping[str, str]
    _line_spellings: Mapping[str, str]

    def event_type(self, spelling: str) -> EventType | None:
        """The type ``spelling`` names, or None where the vocabulary has none."""
        if (exact := self.types.get(spelling)) is not None:
            return exact
        name = self._spellings.get(_plain(spelling))
        return self.types[name] if name else None

    def property_name(self, spelling: str, event_type: EventType) -> str | None:
        """The property of ``event_type`` that ``spelling`` names, or None."""
        if spelling in event_type.properties:
            return spelling
        name = self._property_spellings.get(_plain(spelling))
        return name if name in event_type.properties else None

    def line_property(self, spelling: str) -> str | None:
        """The order-line property that ``spelling`` names, or None."""
        return self._line_spellings.get(_plain(spelling))


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary this version of Retain speaks."""
    table = yaml_text.loaded(files("retain").joinpath("vocabulary.yaml").read_text("utf-8"))
    properties: dict[str, dict[str, Any]] = table["properties"]
    types = {
        row["name"]: EventType(
            name=row["name"],
            family=row["family"],
            aliases=tuple(row["aliases"]),
            properties={name: properties[name]["type"] for name in row["properties"]},
        )
        for row in table["events"]
    }
    return Vocabulary(
        version=table["version"],
        families=tuple(table["families"]),
        types=types,
        line={name: entry["type"] for name, entry in table["line"].items()},
        currencies=frozenset(table["currencies"].split()),
        _spellings=_index({name: row.aliases for name, row in types.items()}),
        _property_spellings=_index({n: e.get("aliases", ()) for n, e in properties.items()}),
        _line_spellings=_index({n: e.get("aliases", ()) for n, e in table["line"].items()}),
    )


@lru_cache(maxsize=4_096)
def _plain(spelling: str) -> str:
    return "".join(c for c in spelling.lower() if c.isalnum())


def _index(names: Mapping[str, tuple[str, ...] | list[str]]) -> dict[str, str]:
    index: dict[str, str] = {}
    for name, aliases in names.items():
        for spelling in (name, *aliases):
            taken = index.setdefault(_plain(spelling), name)
            if taken != name:
                raise ValueError(f"{spelling!r} names both {taken} and {name}")
    return index
