"""Packed rows as Arrow columns, without a loop over values."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_codec import ITEM_END, NULL_ITEM
from feature_repo.packed_rows import Flags, PackedRows, damaged
from feature_repo.packed_schema import FIXED, VARIABLE


def arrays(rows: PackedRows, hidden: Flags | None = None) -> list[pa.Array]:
    """One Arrow array of n values per field of the layout, in its order.

    ``hidden`` is (n, views): where it is true, the values of the view are null.

    Raises:
        FingerprintMismatch: a row is not whole.
    """
    layout, count, nulls = rows.layout, len(rows), rows.nulls
    if hidden is not None and hidden.any():
        nulls = nulls | hidden.take(layout.view_of_field, axis=1)
    missing = np.logical_or.reduce(nulls, axis=0).tolist()
    flags = np.packbits(np.ascontiguousarray(~nulls.T), axis=1, bitorder="little")
    validity, step = pa.py_buffer(flags), flags.shape[1]
    fixed = {dtype: _fixed(rows, dtype) for dtype in FIXED}
    ends, data = _variable(rows)
    offsets = pa.py_buffer(ends)
    lists = _Lists(ends[: layout.variable[1] * count + 1], data)
    taken = dict.fromkeys([*FIXED, "strings", "texts"], 0)
    taken["texts"] = layout.variable[1]
    made: list[pa.Array] = []
    for place, (_, _, dtype) in enumerate(layout.fields):
        valid = validity.slice(place * step, step) if missing[place] else None
        kind = dtype if dtype in fixed or dtype == "strings" else "texts"
        number = taken[kind]
        taken[kind] += 1
        if dtype in fixed:
            buffer, size = fixed[dtype]
            own = [valid, buffer.slice(number * size, size)]
            made.append(pa.Array.from_buffers(FIXED[dtype][1], count, own))
        elif dtype == "strings":
            made.append(lists.array(number * count, count, valid))
        else:
            own = [valid, offsets.slice(4 * number * count, 4 * (count + 1)), data]
            made.append(pa.Array.from_buffers(VARIABLE[dtype], count, own))
    return made


def _fixed(rows: PackedRows, dtype: str) -> tuple[pa.Buffer, int]:
    """The columns of a dtype one after the other, and the bytes of each."""
    parts = [
        rows.values(view, dtype) for view, own in enumerate(rows.layout.places) if dtype in own
    ]
    if not parts:
        return pa.py_buffer(b""), 0
    columns = np.ascontiguousarray(np.concatenate(parts, axis=1).T)
    if dtype == "bool":
        columns = np.packbits(columns, axis=1, bitorder="little")
    return pa.py_buffer(columns), columns.shape[1] * columns.itemsize


def _variable(rows: PackedRows) -> tuple[NDArray[np.int32], pa.Buffer]:
    """Bytes of the variable fields, lists first, and their (fields x n + 1) offsets."""
    lengths = rows.lengths
    if not lengths.shape[1]:
        return np.zeros(1, np.int32), pa.py_buffer(b"")
    tails = rows.tails()
    sizes = np.fromiter(map(len, tails), np.int64, len(rows))
    if (lengths < 0).any() or (lengths.sum(axis=1) != sizes).any():
        raise damaged()
    order, _ = rows.layout.variable
    starts = np.cumsum(lengths.ravel()).reshape(lengths.shape) - lengths
    by_field = lengths.T[order, :].ravel()
    offsets = np.zeros(by_field.size + 1, dtype=np.int64)
    np.cumsum(by_field, out=offsets[1:])
    source = np.repeat(starts.T[order, :].ravel() - offsets[:-1], by_field)
    source += np.arange(offsets[-1])
    data = np.frombuffer(b"".join(tails), np.uint8)[source]
    return offsets.astype(np.int32), pa.py_buffer(data)


class _Lists:
    """The lists among the variable values; all their items are one array of texts."""

    def __init__(self, ends: NDArray[np.int32], data: pa.Buffer) -> None:
        raw = np.frombuffer(data, np.uint8, int(ends[-1]))
        is_end, is_null = raw == ITEM_END, raw == NULL_ITEM
        is_text = ~(is_end | is_null)
        stops = np.flatnonzero(is_end)
        offsets = np.zeros(len(stops) + 1, np.int32)
        offsets[1:] = np.cumsum(is_text, dtype=np.int32)[stops]
        seen = np.zeros(len(raw) + 1, np.int32)
        np.cumsum(is_end, out=seen[1:])
        null_items = is_null[stops - 1]
        valid = np.packbits(~null_items, bitorder="little") if null_items.any() else None
        texts: Any = [
            None if valid is None else pa.py_buffer(valid),
            pa.py_buffer(offsets),
            pa.py_buffer(raw[is_text]),
        ]
        self._items = pa.Array.from_buffers(pa.string(), len(stops), texts)
        self._ends = pa.py_buffer(seen[ends])

    def array(self, first: int, count: int, valid: pa.Buffer | None) -> pa.Array:
        """The lists of ``count`` values from the one at ``first``."""
        own = [valid, self._ends.slice(4 * first, 4 * (count + 1))]
        return pa.Array.from_buffers(VARIABLE["strings"], count, own, children=[self._items])
