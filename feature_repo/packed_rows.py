"""Packed rows, decoded column by column into NumPy and Arrow."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.packed_codec import ITEM_END, NULL_ITEM, Ints, time_us
from feature_repo.packed_schema import FIXED, VARIABLE, PackedSchema
from retain.errors import FingerprintMismatch


class PackedRows:
    """n packed rows of one schema, decoded without a loop over values.

    Args:
        schema: what the rows were written for.
        fixed: their fixed parts, (n,), with the fields of ``schema.row`` but the header's two.
        times: their event times as rows hold them, (n,).
        tails: gives the n variable parts; asked only when a text or list is read.
        view: the view they belong to, for messages.

    Whoever makes it has checked that the rows were written for ``schema``.
    """

    def __init__(
        self,
        schema: PackedSchema,
        fixed: NDArray[Any],
        times: NDArray[np.uint64],
        tails: Callable[[], Sequence[bytes]],
        *,
        view: str = "",
    ) -> None:
        self.schema = schema
        self.fixed = fixed
        self.times = times
        self.tails = tails
        self._view = view

    @classmethod
    def of(cls, schema: PackedSchema, rows: Sequence[bytes], *, view: str = "") -> Self:
        """The rows as :func:`encode` made them.

        Raises:
            FingerprintMismatch: a row was not written for ``schema``.
        """
        width = schema.row.itemsize
        joined = b"".join([row[:width] for row in rows] if schema.variable else rows)
        if len(joined) != width * len(rows):
            raise mismatch(view)
        fixed = np.frombuffer(joined, schema.row)
        if (fixed["fingerprint"] != schema.fingerprint).any():
            raise mismatch(view)
        return cls(schema, fixed, fixed["event"], lambda: [row[width:] for row in rows], view=view)

    @classmethod
    def together(
        cls, schema: PackedSchema, parts: Sequence[Self], places: Sequence[Ints], *, view: str = ""
    ) -> Self:
        """Rows that were found apart, in the order of their places."""
        none = np.zeros(0, schema.row)
        order = np.argsort(np.concatenate([np.zeros(0, np.int64), *places]), kind="stable")
        fields = [name for name in schema.row.names or () if name not in {"fingerprint", "event"}]
        fixed = np.zeros(len(order), schema.row)
        for name in fields:
            apart = [part.fixed[name] for part in parts]
            fixed[name] = np.concatenate([none[name], *apart])[order]
        fixed["event"] = np.concatenate([none["event"], *(part.times for part in parts)])[order]

        def tails() -> list[bytes]:
            apart = [tail for part in parts for tail in part.tails()]
            return [apart[place] for place in order]

        return cls(schema, fixed, fixed["event"], tails, view=view)

    def _mismatch(self) -> FingerprintMismatch:
        return mismatch(self._view)

    @property
    def event_us(self) -> Ints:
        """Event times in microseconds since the epoch, (n,)."""
        return time_us(self.times)

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
        count, tails = len(self.fixed), self.tails()
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


def _lists(ends: NDArray[np.int32], data: NDArray[np.uint8], valid: pa.Buffer | None) -> pa.Array:
    part = data[ends[0] : ends[-1]]
    is_end = part == ITEM_END
    seen = np.concatenate([[0], np.cumsum(is_end)]).astype(np.int32)
    is_null = part == NULL_ITEM
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
