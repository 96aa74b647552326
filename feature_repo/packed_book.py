"""How the rows of all views of one customer become one small value, and rows again.

A book names the views of a value, the schemas of their rows, and the dictionary they were
compressed with. A value is a header (which views, which book, how many event times, and those
times) and one zstandard frame: the fixed parts of the rows, then their variable parts.
A customer's views usually share one event time, which is then kept once.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import blake2b
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from feature_repo.packed_codec import Encoded, joined
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_schema import PackedSchema

HEADER = struct.Struct("<IIB")
KEPT_APART = 16  # fingerprint and event time are not repeated in the frame

_LEVEL = 1
_DICTIONARY_BYTES = 8_192
_FEWEST_SAMPLES, _MOST_SAMPLES = 200, 1_000


@dataclass(frozen=True)
class Book:
    """The views of a value in order, with the schema of each, and their dictionary."""

    views: tuple[tuple[str, PackedSchema], ...]
    dictionary: bytes = b""

    @cached_property
    def names_id(self) -> int:
        """32 bits over the names of the views."""
        return _digest(json.dumps([name for name, _ in self.views]).encode())

    @cached_property
    def id(self) -> int:
        """32 bits over everything a value of this book depends on."""
        return _digest(self.text().encode())

    @cached_property
    def widths(self) -> list[int]:
        """Bytes of each view's fixed part in the frame."""
        return [schema.row.itemsize - KEPT_APART for _, schema in self.views]

    @cached_property
    def bodies(self) -> list[np.dtype[Any]]:
        """Per view, where in the fixed part of a frame its fields are."""
        bodies, start = [], 0
        for (_, schema), width in zip(self.views, self.widths, strict=True):
            fields: Mapping[str, Any] = schema.row.fields or {}
            names = [name for name in schema.row.names or () if fields[name][1] >= KEPT_APART]
            places = [start + fields[name][1] - KEPT_APART for name in names]
            kinds = [fields[name][0] for name in names]
            body = np.dtype(
                {
                    "names": names,
                    "formats": kinds,
                    "offsets": places,
                    "itemsize": sum(self.widths),
                }
            )
            bodies.append(body)
            start += width
        return bodies

    @cached_property
    def _zstd(self) -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
        trained = zstandard.ZstdCompressionDict(self.dictionary) if self.dictionary else None
        return (
            zstandard.ZstdCompressor(_LEVEL, dict_data=trained, write_dict_id=False),
            zstandard.ZstdDecompressor(dict_data=trained),
        )

    def text(self) -> str:
        """The book as JSON."""
        views = [[name, schema.fields] for name, schema in self.views]
        return json.dumps([views, self.dictionary.hex()])

    @classmethod
    def of_text(cls, text: str | bytes) -> "Book":
        """The book that :meth:`text` made."""
        views, dictionary = json.loads(text)
        schemas = [(name, PackedSchema.of((n, d) for n, d in fields)) for name, fields in views]
        return cls(tuple(schemas), bytes.fromhex(dictionary))

    def trained(self, encoded: Sequence[Encoded]) -> "Book":
        """This book with a dictionary learned from customers, where there are enough of them."""
        if len(encoded[0].fixed) < _FEWEST_SAMPLES:
            return self
        samples: list[bytes | bytearray | memoryview] = []
        samples += self._frames(encoded)[:_MOST_SAMPLES]
        try:
            dictionary = zstandard.train_dictionary(_DICTIONARY_BYTES, samples, k=400, d=8)
        except zstandard.ZstdError:
            return self
        return Book(self.views, dictionary.as_bytes())

    def values(self, encoded: Sequence[Encoded]) -> list[bytes]:
        """One value per customer from the rows of every view, in the order of the views."""
        compress = self._zstd[0].compress
        return [
            head + compress(frame)
            for head, frame in zip(self._heads(encoded), self._frames(encoded), strict=True)
        ]

    def opened(self, values: Sequence[bytes]) -> "Opened":
        """What n values of this book hold."""
        count, fixed = len(values), sum(self.widths)
        decompress = self._zstd[1].decompress
        times, frames = [], []
        for value in values:
            kept = value[8]
            start = HEADER.size + 8 * kept
            head = value[HEADER.size : start]
            times.append(head if kept > 1 else head * len(self.views))
            frames.append(decompress(value[start:]))
        joined = b"".join([frame[:fixed] for frame in frames])
        return Opened(
            book=self,
            fixed=joined,
            tails=[frame[fixed:] for frame in frames],
            times=np.frombuffer(b"".join(times), ">u8").reshape(count, len(self.views)),
        )

    def _heads(self, encoded: Sequence[Encoded]) -> list[bytes]:
        # stacking makes bytes native, and a head holds them as rows do
        times = np.stack([part.fixed["event"] for part in encoded], axis=1).astype(">u8")
        same = (times == times[:, :1]).all(axis=1)
        raw, width = times.tobytes(), 8 * len(encoded)
        one = HEADER.pack(self.names_id, self.id, 1)
        all_of_them = HEADER.pack(self.names_id, self.id, len(encoded))
        return [
            one + raw[start : start + 8] if alike else all_of_them + raw[start : start + width]
            for start, alike in zip(range(0, len(raw), width), same.tolist(), strict=True)
        ]

    def _frames(self, encoded: Sequence[Encoded]) -> list[bytes]:
        count = len(encoded[0].fixed)
        fixed = [part.fixed.view(np.uint8).reshape(count, -1)[:, KEPT_APART:] for part in encoded]
        pieces = [piece for part in encoded for piece in part.pieces]
        return joined(np.concatenate(fixed, axis=1), pieces)


@dataclass(frozen=True)
class Opened:
    """Decompressed values of one book.

    Attributes:
        fixed: n fixed parts of all views, side by side.
        tails: per customer the variable parts of all views.
        times: (n, views) event times as rows hold them; zero where a view has no row.
    """

    book: Book
    fixed: bytes
    tails: list[bytes]
    times: NDArray[np.uint64]

    @cached_property
    def whole(self) -> bool:
        """Whether every customer has a row of every view."""
        return bool((self.times != 0).all())

    def present(self, view: int) -> NDArray[np.bool_]:
        """Which customers have a row of the view at this position."""
        there: NDArray[np.bool_] = self.times[:, view] != 0
        return there

    def packed(self, view: int, name: str) -> PackedRows:
        """The rows of the view that are there."""
        body, times = np.frombuffer(self.fixed, self.book.bodies[view]), self.times[:, view]
        if not self.whole:
            there = self.present(view)
            body, times = body[there], times[there]
        schema = self.book.views[view][1]
        return PackedRows(schema, body, times, partial(self.row_tails, view), view=name)

    def row_tails(self, view: int) -> list[bytes]:
        """The variable parts of the rows that are there."""
        ends = self._ends
        there = self.present(view)
        starts, stops = ends[there, view].tolist(), ends[there, view + 1].tolist()
        tails = [self.tails[place] for place in np.flatnonzero(there)]
        return [tail[a:b] for tail, a, b in zip(tails, starts, stops, strict=True)]

    def rows(self, view: int) -> list[bytes | None]:
        """The rows of the view at this position as they were encoded."""
        _, schema = self.book.views[view]
        there = self.present(view)
        fixed = np.zeros(int(there.sum()), schema.row)
        fixed["fingerprint"] = schema.fingerprint
        fixed["event"] = self.times[there, view]
        start, width = sum(self.book.widths[:view]), schema.row.itemsize
        block = fixed.view(np.uint8).reshape(len(fixed), width)
        block[:, KEPT_APART:] = self._bytes[there, start : start + self.book.widths[view]]
        parts, tails = fixed.tobytes(), iter(self.row_tails(view))
        whole = (parts[i * width : (i + 1) * width] + tail for i, tail in enumerate(tails))
        return [next(whole) if here else None for here in there.tolist()]

    @property
    def _bytes(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.fixed, np.uint8).reshape(len(self.tails), -1)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where the variable part of each view ends within a tail, (n, views + 1)."""
        lengths = np.zeros((len(self.tails), len(self.book.views) + 1), dtype=np.int64)
        stop = 0
        for view, (_, schema) in enumerate(self.book.views):
            stop += self.book.widths[view]
            if schema.variable:
                last = np.ascontiguousarray(self._bytes[:, stop - 4 : stop])
                lengths[:, view + 1] = last.view("<u4")[:, 0]
        return np.cumsum(lengths, axis=1)


def _digest(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=4).digest(), "little")
