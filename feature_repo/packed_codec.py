"""One fixed-layout binary row per (customer, view), encoded column by column.

A row is a header (fingerprint of the schema, event time, created time), a null bitmap, the
fixed-width values, the end offsets of the variable-width ones, and their bytes. The event time
is big-endian with its sign flipped, so that SQL can compare it as bytes. A list of strings is
its items, each ended by 0xFF, which UTF-8 never contains; a null item is 0xFE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.packed_schema import FIXED, PackedSchema, arrow_type
from retain.errors import InvalidInput

Ints = NDArray[np.int64]

NO_TIME = int(np.iinfo(np.int64).min)

_SIGN = np.uint64(1 << 63)
ITEM_END, NULL_ITEM = 0xFF, 0xFE


@dataclass(frozen=True, slots=True)
class Encoded:
    """n rows as they are written: fixed parts (n,) of ``schema.row``, and variable parts.

    ``pieces`` are binary arrays of n values without nulls; joined they are the variable part.
    A row of zeros is no row.
    """

    schema: PackedSchema
    fixed: NDArray[Any]
    pieces: list[pa.Array]

    @classmethod
    def of_rows(cls, schema: PackedSchema, rows: Sequence[bytes | None]) -> Self:
        """Rows that were encoded before; None is no row."""
        width = schema.row.itemsize
        none = bytes(width)
        fixed = b"".join([none if row is None else row[:width] for row in rows])
        tails = [b"" if row is None else row[width:] for row in rows]
        pieces = [pa.array(tails, pa.binary())] if schema.variable else []
        return cls(schema, np.frombuffer(fixed, schema.row), pieces)

    def rows(self) -> list[bytes]:
        """One string of bytes per row."""
        count, width = len(self.fixed), self.schema.row.itemsize
        if not self.pieces:
            whole = self.fixed.tobytes()
            return [whole[start : start + width] for start in range(0, count * width, width)]
        return joined(self.fixed.view(np.uint8).reshape(count, width), self.pieces)


def joined(fixed: NDArray[np.uint8], pieces: Sequence[pa.Array]) -> list[bytes]:
    """Of every line i: the bytes ``fixed[i]``, then item i of every piece."""
    buffer = pa.py_buffer(np.ascontiguousarray(fixed))
    first = pa.Array.from_buffers(pa.binary(fixed.shape[1]), len(fixed), [None, buffer])
    lines = pc.binary_join_element_wise(first.cast(pa.binary()), *pieces, b"")
    packed: list[bytes] = lines.to_numpy(zero_copy_only=False).tolist()
    return packed


def encode(
    schema: PackedSchema, table: pa.Table, event_us: Ints, created_us: Ints | None = None
) -> Encoded:
    """One row per line of ``table``; times are microseconds since the epoch, of shape (n,).

    Raises:
        InvalidInput: a column of the schema is missing or cannot be cast to its dtype.
    """
    count = table.num_rows
    rows = np.zeros(count, schema.row)
    rows["fingerprint"] = schema.fingerprint
    rows["event"] = raw_time(event_us)
    rows["created"] = NO_TIME if created_us is None else created_us
    nulls = np.zeros((count, len(schema.fields)), dtype=bool)
    pieces: list[pa.Array] = []
    lengths = np.zeros((count, schema.variable), dtype=np.int64)
    for name, (dtype, slot, position) in schema.slots.items():
        column = _column(table, name, dtype)
        if column.null_count:
            nulls[:, position] = column.is_null().to_numpy(zero_copy_only=False)
        if dtype in FIXED:
            rows[dtype][:, slot] = _fixed(column, dtype)
        else:
            piece = _list_bytes(column) if dtype == "strings" else column.cast(pa.binary())
            piece = piece.fill_null(b"")
            lengths[:, len(pieces)] = pc.binary_length(piece).to_numpy()
            pieces.append(piece)
    rows["nulls"] = np.packbits(nulls, axis=1, bitorder="little")
    if pieces:
        rows["ends"] = np.cumsum(lengths, axis=1)
    return Encoded(schema, rows, pieces)


def raw_time(event_us: Ints) -> NDArray[np.uint64]:
    """Times as a row holds them (big-endian there): the order of their bytes is theirs."""
    raw: NDArray[np.uint64] = event_us.astype(np.int64).view(np.uint64) ^ _SIGN
    return raw


def time_us(raw: NDArray[np.uint64]) -> Ints:
    """Microseconds since the epoch of times as a row holds them."""
    return (raw.astype(np.uint64) ^ _SIGN).view(np.int64)


def _column(table: pa.Table, name: str, dtype: str) -> pa.Array:
    if name not in table.column_names:
        raise InvalidInput(f"the column {name} is missing", field=name)
    try:
        column = table.column(name).cast(arrow_type(dtype))
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"the column {name} is not {dtype}: {error}", field=name) from error
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _fixed(column: pa.Array, dtype: str) -> NDArray[Any]:
    if dtype == "timestamp":
        column = column.cast(pa.int64())
    if column.null_count:
        column = column.fill_null(pa.scalar(_blank(dtype)).cast(column.type))
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _blank(dtype: str) -> float | int:
    """What stands in the slot of a null, so that a matrix is read without the bitmap."""
    if dtype.startswith("float"):
        return float("nan")
    return NO_TIME if dtype in {"int64", "timestamp"} else 0


def _list_bytes(column: pa.Array) -> pa.Array:
    items = column.flatten().cast(pa.binary()).fill_null(bytes([NULL_ITEM]))
    sizes = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    end = bytes([ITEM_END])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items), end)
    last = pc.if_else(pa.array(sizes > 0), pa.scalar(end), pa.scalar(b""))
    return pc.binary_join_element_wise(joined, last, b"")
