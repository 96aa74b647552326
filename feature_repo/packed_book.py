"""How the rows of all views of one customer become one small value, and rows again.

A book is the layout of a value and the dictionary it was compressed with. A value is a header
(which views of which schemas, which book, how many event times, and those times) and one
zstandard frame with its checksum: the bodies of the rows, then their variable parts.
A customer's views usually share one event time, which is then kept once.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
import zstandard

from feature_repo.packed_codec import Encoded, joined
from feature_repo.packed_layout import HEAD, Layout
from feature_repo.packed_rows import damaged
from feature_repo.packed_schema import PackedSchema
from retain.errors import InvalidInput

HEADER = struct.Struct("<IIB")

_LEVEL = 3
_DICTIONARY_BYTES = 32_768
_FEWEST_SAMPLES, _MOST_SAMPLES = 200, 1_000


@dataclass(frozen=True)
class Book:
    """The layout of a value, and its dictionary."""

    layout: Layout
    dictionary: bytes = b""

    @cached_property
    def layout_id(self) -> int:
        """32 bits over the names of the views and their schemas."""
        own = [[name, schema.fingerprint] for name, schema in self.layout.views]
        return _digest(json.dumps(own).encode())

    @cached_property
    def id(self) -> int:
        """32 bits over everything a value of this book depends on."""
        return _digest(self.text().encode())

    @cached_property
    def mark(self) -> bytes:
        """What the values of this book begin with."""
        return HEADER.pack(self.layout_id, self.id, 0)[:8]

    @cached_property
    def _zstd(self) -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
        trained = zstandard.ZstdCompressionDict(self.dictionary) if self.dictionary else None
        return (
            zstandard.ZstdCompressor(
                _LEVEL, dict_data=trained, write_dict_id=False, write_checksum=True
            ),
            zstandard.ZstdDecompressor(dict_data=trained),
        )

    def text(self) -> str:
        """The book as JSON."""
        views = [[name, schema.text()] for name, schema in self.layout.views]
        return json.dumps([views, self.dictionary.hex()])

    @classmethod
    def of_text(cls, text: str | bytes) -> "Book":
        """The book that :meth:`text` made.

        Raises:
            InvalidInput: it is not of this version, or damaged.
        """
        try:
            views, dictionary = json.loads(text)
            own = tuple((str(name), PackedSchema.of_text(schema)) for name, schema in views)
            return cls(Layout(own), bytes.fromhex(dictionary))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"a stored book cannot be read: {error}") from error

    def trained(self, encoded: Sequence[Encoded]) -> "Book":
        """This book with a dictionary learned from customers, where there are enough of them."""
        if len(encoded[0].fixed) < _FEWEST_SAMPLES:
            return self
        samples: list[bytes | bytearray | memoryview] = []
        samples += self._frames(encoded)[:_MOST_SAMPLES]
        try:
            dictionary = zstandard.train_dictionary(_DICTIONARY_BYTES, samples, k=1_000, d=8)
        except zstandard.ZstdError:
            return self
        return Book(self.layout, dictionary.as_bytes())

    def values(self, encoded: Sequence[Encoded]) -> list[bytes]:
        """One value per customer from the rows of every view, in the order of the views."""
        compress = self._zstd[0].compress
        return [
            head + compress(frame)
            for head, frame in zip(self._heads(encoded), self._frames(encoded), strict=True)
        ]

    def opened(self, value: bytes) -> tuple[bytes, bytes, bytes]:
        """The bodies of one customer's rows, their variable parts, and their event times.

        Raises:
            FingerprintMismatch: the value is damaged.
        """
        views, width = len(self.layout.views), self.layout.width
        kept = value[8]
        start = HEADER.size + 8 * kept
        times = value[HEADER.size : start]
        try:
            frame = self._zstd[1].decompress(value[start:])
        except (zstandard.ZstdError, MemoryError):
            raise damaged() from None
        if kept not in {1, views} or len(frame) < width:
            raise damaged()
        return frame[:width], frame[width:], times * views if kept == 1 else times

    def _heads(self, encoded: Sequence[Encoded]) -> list[bytes]:
        # stacking makes bytes native, and a head holds them as rows do
        times = np.stack([part.fixed["event"] for part in encoded], axis=1).astype(">u8")
        same = (times == times[:, :1]).all(axis=1)
        raw, width = times.tobytes(), 8 * len(encoded)
        one = HEADER.pack(self.layout_id, self.id, 1)
        all_of_them = HEADER.pack(self.layout_id, self.id, len(encoded))
        return [
            one + raw[start : start + 8] if alike else all_of_them + raw[start : start + width]
            for start, alike in zip(range(0, len(raw), width), same.tolist(), strict=True)
        ]

    def _frames(self, encoded: Sequence[Encoded]) -> list[bytes]:
        count = len(encoded[0].fixed)
        fixed = [part.fixed.view(np.uint8).reshape(count, -1)[:, HEAD:] for part in encoded]
        pieces = [piece for part in encoded for piece in part.pieces]
        return joined(np.concatenate(fixed, axis=1), pieces)


def _digest(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=4).digest(), "little")
