"""Packed rows of several views side by side, one line per customer, decoded column by column."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_codec import Ints, time_us
from feature_repo.packed_layout import HEAD, Layout
from feature_repo.packed_schema import PackedSchema
from retain.errors import FingerprintMismatch

Cells = Sequence[bytes | None]
Flags = NDArray[np.bool_]


class PackedRows:
    """The rows of n customers.

    Args:
        layout: what a line is made of.
        lines: n lines; a view of which there is no row is zeros.
        times: (n, views) event times as rows hold them; zero where there is no row.
        tails: gives per customer the variable parts of all views; asked for texts and lists.

    Whoever makes it has checked that the rows were written for the schemas of ``layout``.
    """

    def __init__(
        self,
        layout: Layout,
        lines: bytes,
        times: NDArray[np.uint64],
        tails: Callable[[], Sequence[bytes]],
    ) -> None:
        self.layout = layout
        self.lines = lines
        self.times = times
        self.tails = tails

    @classmethod
    def of(cls, schema: PackedSchema, rows: Sequence[bytes], *, view: str = "") -> Self:
        """The rows of one view as :func:`encode` made them; see :meth:`beside`."""
        return cls.beside(Layout(((view, schema),), headed=True), [(row,) for row in rows])

    @classmethod
    def beside(cls, layout: Layout, cells: Sequence[Cells]) -> Self:
        """Per customer the whole row of every view of a headed layout, None where there is none.

        Raises:
            FingerprintMismatch: a row was not written for the schema of its view, or is damaged.
        """
        widths, count = layout.widths, len(cells)
        none = [bytes(width) for width in widths]
        try:
            lines = b"".join(
                [
                    blank if cell is None else cell[:width]
                    for own in cells
                    for cell, width, blank in zip(own, widths, none, strict=True)
                ]
            )
        except TypeError:
            raise damaged() from None
        if len(lines) != count * layout.width:
            raise _wrong(layout, cells)
        block = np.frombuffer(lines, np.uint8).reshape(count, layout.width)
        heads = block.take(layout.heads, axis=1).view("<u8").reshape(count, len(widths), 2)
        marks = heads[:, :, 0]
        if not (marks == layout.fingerprints).all():
            odd = (marks != layout.fingerprints) & (marks != 0)
            if odd.any():
                raise mismatch(layout.names[int(np.flatnonzero(odd.any(axis=0))[0])])

        def tails() -> list[bytes]:
            return [
                b"".join([c[w:] for c, w in zip(own, widths, strict=True) if c]) for own in cells
            ]

        return cls(layout, lines, heads[:, :, 1].view(">u8"), tails)

    def spread(self, places: Sequence[int], count: int) -> "PackedRows":
        """These rows as those of ``count`` customers; who is not in ``places`` has none."""
        lines = np.zeros((count, self.layout.width), np.uint8)
        lines[places] = np.frombuffer(self.lines, np.uint8).reshape(len(self), -1)
        times = np.zeros((count, self.times.shape[1]), self.times.dtype)
        times[places] = self.times

        def tails() -> list[bytes]:
            everybody = [b""] * count
            for place, tail in zip(places, self.tails(), strict=True):
                everybody[place] = tail
            return everybody

        return PackedRows(self.layout, lines.tobytes(), times, tails)

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def present(self) -> Flags:
        """Which customers have a row of which view, (n, views)."""
        there: Flags = self.times != 0
        return there

    @property
    def event_us(self) -> Ints:
        """Event times in microseconds since the epoch, (n, views)."""
        return time_us(self.times)

    def values(self, view: int, name: str) -> NDArray[Any]:
        """One part of a view's rows, (n, how many): a dtype, ``created``, ``nulls`` or ``ends``."""
        kind, many, first = self.layout.places[view][name]
        own = np.dtype(kind)
        if not len(self) or not many:
            return np.zeros((len(self), many), own)
        return np.ndarray(
            (len(self), many), own, self.lines, first, (self.layout.width, own.itemsize)
        )

    @cached_property
    def nulls(self) -> Flags:
        """Which values are null, (n, fields)."""
        views = range(len(self.layout.views))
        packed = np.concatenate([self.values(view, "nulls") for view in views], axis=1)
        bits = np.unpackbits(packed, axis=1, bitorder="little")
        flags: Flags = bits.take(self.layout.null_bits, axis=1).view(np.bool_)
        return flags

    @cached_property
    def lengths(self) -> Ints:
        """Bytes of every variable value, (n, variable fields), in the order of the tails."""
        parts = [np.zeros((len(self), 0), np.int64)]
        for view, (_, schema) in enumerate(self.layout.views):
            if schema.variable:
                ends = self.values(view, "ends").astype(np.int64)
                ends[:, 1:] -= ends[:, :-1].copy()
                parts.append(ends)
        return np.concatenate(parts, axis=1)

    def rows(self, view: int) -> list[bytes | None]:
        """The rows of one view as they were encoded."""
        schema = self.layout.views[view][1]
        start, width = self.layout.starts[view], self.layout.widths[view]
        fixed = np.zeros(len(self), schema.row)
        fixed["fingerprint"], fixed["event"] = schema.fingerprint, self.times[:, view]
        raw = fixed.view(np.uint8).reshape(len(self), -1)
        block = np.frombuffer(self.lines, np.uint8).reshape(len(self), -1)
        cut = HEAD if self.layout.headed else 0
        raw[:, HEAD:] = block[:, start + cut : start + width]
        whole, size = fixed.tobytes(), schema.row.itemsize
        return [
            whole[place * size : (place + 1) * size] + tail if here else None
            for place, (tail, here) in enumerate(
                zip(self._tails_of(view), self.present[:, view].tolist(), strict=True)
            )
        ]

    def _tails_of(self, view: int) -> list[bytes]:
        own = [schema.variable for _, schema in self.layout.views]
        first = sum(own[:view])
        if not own[view]:
            return [b""] * len(self)
        starts = self.lengths[:, :first].sum(axis=1)
        stops = starts + self.lengths[:, first : first + own[view]].sum(axis=1)
        tails = self.tails()
        return [
            tail[a:b] for tail, a, b in zip(tails, starts.tolist(), stops.tolist(), strict=True)
        ]


def _wrong(layout: Layout, cells: Sequence[Cells]) -> FingerprintMismatch:
    """Why some row is shorter than its view's schema says."""
    for own in cells:
        for cell, (name, schema) in zip(own, layout.views, strict=True):
            if cell and cell[:8] != schema.fingerprint.to_bytes(8, "little"):
                return mismatch(name)
    return damaged()


def mismatch(view: str) -> FingerprintMismatch:
    """The error for a row that was written for another schema."""
    return FingerprintMismatch(
        f"stored rows of the view {view or '(unnamed)'} were written for other features",
        remedy="run `retain features materialize` with this version",
    )


def damaged() -> FingerprintMismatch:
    """The error for what is stored in place of a row and is none."""
    return FingerprintMismatch(
        "a stored row is damaged, or was not written by Retain",
        remedy="run `retain features materialize`: it writes every row anew",
    )
