"""One fixed-layout binary row per (customer, view): encoded and decoded column by column.

A row is a header (fingerprint of the schema, event time, created time), a null bitmap, the
fixed-width values, the end offsets of the variable-width ones, and their bytes. The event time
is big-endian with its sign flipped, so that SQL can compare it as bytes. A list of strings is
its items, each ended by 0xFF, which UTF-8 never contains; a null item is 0xFE.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.packed_schema import FIXED, VARIABLE, PackedSchema, arrow_type
from retain.errors import FingerprintMismatch, InvalidInput

Ints = NDArray[np.int64]

NO_TIME = int(np.iinfo(np.int64).min)

_SIGN = np.uint64(1 << 63)
_ITEM_END, _NULL_ITEM = 0xFF, 0xFE


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


class PackedRows:
    """n packed rows of one schema, decoded without a loop over values.

    Args:
        schema: what the rows were written for.
        fixed: their fixed parts, (n,) of ``schema.row``.
        tails: gives the n variable parts; asked only when a text or list is read.
        view: the view they belong to, for messages.

    Raises:
        FingerprintMismatch: a row was not written for ``schema``, or is not whole.
    """

    def __init__(
        self,
        schema: PackedSchema,
        fixed: NDArray[Any],
        tails: Callable[[], Sequence[bytes]],
        *,
        view: str = "",
    ) -> None:
        self.schema = schema
        self.fixed = fixed
        self._tails = tails
        self._view = view
        if (fixed["fingerprint"] != schema.fingerprint).any():
            raise self._mismatch()

    @classmethod
    def of(cls, schema: PackedSchema, rows: Sequence[bytes], *, view: str = "") -> Self:
        """The rows as :func:`encode` made them."""
        width = schema.row.itemsize
        fixed = b"".join([row[:width] for row in rows] if schema.variable else rows)
        if len(fixed) != width * len(rows):
            raise mismatch(view)
        return cls(
            schema,
            np.frombuffer(fixed, schema.row),
            lambda: [row[width:] for row in rows],
            view=view,
        )

    def _mismatch(self) -> FingerprintMismatch:
        return mismatch(self._view)

    @property
    def event_us(self) -> Ints:
        """Event times in microseconds since the epoch, (n,)."""
        return time_us(self.fixed["event"])

    @property
    def created_us(self) -> Ints:
        """Created times in microseconds since the epoch, (n,); ``NO_TIME`` where unknown."""
        created: Ints = self.fixed["created"].astype(np.int64)
        return created

    @cached_property
    def nulls(self) -> NDArray[np.bool_]:
        """Which values are null, (n, fields) in stored order."""
        bits = np.unpackbits(self.fixed["nulls"], axis=1, bitorder="little")
        return bits[:, : len(self.schema.fields)].view(np.bool_)

    def arrays(self) -> list[pa.Array]:
        """One Arrow array of n values per field, in stored order.

        Raises:
            FingerprintMismatch: a row is not whole.
        """
        columns = self._fixed_columns()
        offsets, data = self._variable()
        missing: NDArray[np.bool_] = np.logical_or.reduce(self.nulls, axis=0)
        validity = np.packbits(np.ascontiguousarray(~self.nulls.T), axis=1, bitorder="little")
        arrays, count, ragged = [], len(self.fixed), 0
        for name, dtype in self.schema.fields:
            _, slot, position = self.schema.slots[name]
            valid = pa.py_buffer(validity[position]) if missing[position] else None
            if dtype in FIXED:
                buffers = [valid, pa.py_buffer(columns[dtype][slot])]
                arrays.append(pa.Array.from_buffers(FIXED[dtype][1], count, buffers))
                continue
            ends = offsets[ragged * count : (ragged + 1) * count + 1]
            ragged += 1
            if dtype == "strings":
                arrays.append(_lists(ends, data, valid))
            else:
                buffers = [valid, pa.py_buffer(ends), pa.py_buffer(data)]
                arrays.append(pa.Array.from_buffers(VARIABLE[dtype], count, buffers))
        return arrays

    def _fixed_columns(self) -> dict[str, NDArray[Any]]:
        """The fixed fields dtype by dtype, (fields of the dtype, n), as Arrow lays them out."""
        dtypes = [dtype for dtype in FIXED if dtype in (self.schema.row.names or ())]
        columns = {dtype: np.ascontiguousarray(self.fixed[dtype].T) for dtype in dtypes}
        if "bool" in columns:
            columns["bool"] = np.packbits(columns["bool"], axis=1, bitorder="little")
        return columns

    def _variable(self) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Bytes of the variable fields, field after field, and their (fields x n + 1) offsets."""
        if not self.schema.variable:
            return np.zeros(1, np.int32), np.zeros(0, np.uint8)
        count, tails = len(self.fixed), self._tails()
        sizes = np.fromiter(map(len, tails), np.int64, count)
        ends = np.zeros((count, self.schema.variable + 1), dtype=np.int64)
        ends[:, 1:] = self.fixed["ends"]
        lengths = np.diff(ends, axis=1)
        if (lengths < 0).any() or (ends[:, -1] != sizes).any():
            raise self._mismatch()
        starts = ends[:, :-1] + (np.cumsum(sizes) - sizes)[:, None]
        by_field = lengths.T.ravel()
        offsets = np.zeros(by_field.size + 1, dtype=np.int64)
        np.cumsum(by_field, out=offsets[1:])
        source = np.repeat(starts.T.ravel() - offsets[:-1], by_field) + np.arange(offsets[-1])
        return offsets.astype(np.int32), np.frombuffer(b"".join(tails), np.uint8)[source]


def mismatch(view: str) -> FingerprintMismatch:
    return FingerprintMismatch(
        f"stored rows of the view {view or '(unnamed)'} were written for other features",
        remedy="materialise the features again with this version",
    )


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
        # NaN in the slot lets a matrix be read without looking at the bitmap
        blank = pa.scalar(float("nan") if dtype.startswith("float") else 0)
        column = column.fill_null(blank.cast(column.type))
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _list_bytes(column: pa.Array) -> pa.Array:
    items = column.flatten().cast(pa.binary()).fill_null(bytes([_NULL_ITEM]))
    sizes = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    end = bytes([_ITEM_END])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items), end)
    last = pc.if_else(pa.array(sizes > 0), pa.scalar(end), pa.scalar(b""))
    return pc.binary_join_element_wise(joined, last, b"")


def _lists(ends: NDArray[np.int32], data: NDArray[np.uint8], valid: pa.Buffer | None) -> pa.Array:
    part = data[ends[0] : ends[-1]]
    is_end = part == _ITEM_END
    seen = np.concatenate([[0], np.cumsum(is_end)]).astype(np.int32)
    is_null = part == _NULL_ITEM
    kept = np.concatenate([[0], np.cumsum(~is_end & ~is_null)]).astype(np.int32)
    stops = np.flatnonzero(is_end)
    null_items = is_null[stops - 1]
    offsets = np.concatenate([np.zeros(1, np.int32), kept[stops]])
    items = pa.Array.from_buffers(
        pa.string(),
        len(stops),
        [
            pa.py_buffer(np.packbits(~null_items, bitorder="little")) if null_items.any() else None,
            pa.py_buffer(offsets),
            pa.py_buffer(part[~is_end & ~is_null]),
        ],
    )
    item_ends = pa.py_buffer(seen[ends - ends[0]])
    return pa.Array.from_buffers(
        VARIABLE["strings"], len(ends) - 1, [valid, item_ends], children=[items]
    )
