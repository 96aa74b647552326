"""What a packed row is made of: its fields, its layout and the fingerprint of both."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from retain.errors import InvalidInput

FIXED: dict[str, tuple[str, pa.DataType]] = {
    "float64": ("<f8", pa.float64()),
    "int64": ("<i8", pa.int64()),
    "timestamp": ("<i8", pa.timestamp("us", "UTC")),
    "float32": ("<f4", pa.float32()),
    "int32": ("<i4", pa.int32()),
    "bool": ("u1", pa.bool_()),
}
VARIABLE: dict[str, pa.DataType] = {
    "string": pa.string(),
    "strings": pa.list_(pa.string()),
    "bytes": pa.binary(),
    "proto": pa.binary(),
}

_LAYOUT = 1
_RANKS = {dtype: rank for rank, dtype in enumerate((*FIXED, *VARIABLE))}


@dataclass(frozen=True)
class PackedSchema:
    """The fields (name, dtype) of a row in stored order; make it with :meth:`of`.

    Dtypes are those of ``FIXED`` and ``VARIABLE``; ``proto`` is opaque bytes. ``definition`` is
    a digest of how the values are computed, where that is known: rows of another one are as
    unreadable as rows of other fields.
    """

    fields: tuple[tuple[str, str], ...]
    definition: str = ""

    @classmethod
    def of(cls, fields: Iterable[tuple[str, str]], definition: str = "") -> Self:
        """The schema of these fields, however they are ordered.

        Raises:
            InvalidInput: a dtype is none of ours.
        """
        given = list(fields)
        for name, dtype in given:
            if dtype not in _RANKS:
                raise InvalidInput(f"{name} has dtype {dtype}, which is not stored", field=name)
        ordered = sorted(given, key=lambda field: (_RANKS[field[1]], field[0]))
        return cls(tuple(ordered), definition)

    @classmethod
    def of_arrow(cls, schema: pa.Schema, definition: str = "") -> Self:
        """The schema of Arrow columns.

        Raises:
            InvalidInput: a column's type is none of ours.
        """
        return cls.of([(field.name, dtype_of(field.type)) for field in schema], definition)

    def __hash__(self) -> int:
        # schemas are keys on every read; the fields are hashed once
        return self.fingerprint

    def text(self) -> str:
        """The schema as JSON."""
        return json.dumps([self.fields, self.definition])

    @classmethod
    def of_text(cls, text: str | bytes) -> Self:
        """The schema that :meth:`text` made.

        Raises:
            InvalidInput: it is not of this version.
        """
        try:
            fields, definition = json.loads(text)
            return cls.of([(name, dtype) for name, dtype in fields], str(definition))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"a stored schema cannot be read: {error}") from error

    @cached_property
    def fingerprint(self) -> int:
        """64 bits over the layout, the names, the dtypes and the definition; never zero."""
        defined = [self.definition] if self.definition else []
        text = json.dumps([_LAYOUT, self.fields, *defined])
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") or 1

    @cached_property
    def slots(self) -> dict[str, tuple[str, int, int]]:
        """Per name: its dtype, its position among those of the dtype, and among all."""
        counts: dict[str, int] = {}
        slots = {}
        for position, (name, dtype) in enumerate(self.fields):
            slots[name] = (dtype, counts.get(dtype, 0), position)
            counts[dtype] = counts.get(dtype, 0) + 1
        return slots

    @cached_property
    def variable(self) -> int:
        """How many fields are of variable width."""
        return sum(dtype in VARIABLE for _, dtype in self.fields)

    @cached_property
    def row(self) -> np.dtype[Any]:
        """The fixed part of a row; all fields of one dtype lie side by side."""
        parts: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [
            ("fingerprint", "<u8"),
            ("event", ">u8"),
            ("created", "<i8"),
            ("nulls", "u1", ((len(self.fields) + 7) // 8,)),
        ]
        for dtype, (kind, _) in FIXED.items():
            count = sum(own == dtype for _, own in self.fields)
            if count:
                parts.append((dtype, kind, (count,)))
        if self.variable:
            parts.append(("ends", "<u4", (self.variable,)))
        return np.dtype(parts)

    @cached_property
    def arrow(self) -> pa.Schema:
        """The columns a row decodes to, in stored order."""
        return pa.schema([pa.field(name, arrow_type(dtype)) for name, dtype in self.fields])


def arrow_type(dtype: str) -> pa.DataType:
    """The Arrow type values of ``dtype`` have."""
    return FIXED[dtype][1] if dtype in FIXED else VARIABLE[dtype]


def dtype_of(arrow: pa.DataType) -> str:
    """The dtype that stores values of an Arrow type; of any other type, its name in Arrow."""
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        # the name of a list's item differs between Parquet, DuckDB and pyarrow
        return "strings" if dtype_of(arrow.value_type) == "string" else str(arrow)
    if pa.types.is_timestamp(arrow):
        return "timestamp"
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return "string"
    known = {own: name for name, (_, own) in FIXED.items()} | {pa.binary(): "bytes"}
    return known.get(arrow, str(arrow))
