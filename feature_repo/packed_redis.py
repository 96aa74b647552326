"""Packed rows in Redis: one string per customer holds the rows of all its views.

Reading n customers is one MGET. Writing is one script per batch: it replaces a value whose
views are all not newer, leaves one whose views are all newer, and hands back the rest, which
are merged here and swapped in if nobody was faster.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np

from feature_repo.packed_backend import Key
from feature_repo.packed_book import HEADER, Book
from feature_repo.packed_codec import Encoded
from feature_repo.packed_layout import Layout
from feature_repo.packed_redis_client import (
    NOT_OLDER,
    READ_TIMEOUT_SECONDS,
    SWAP,
    WRITE_TIMEOUT_SECONDS,
    Lane,
    answering,
    connect,
)
from feature_repo.packed_rows import PackedRows, damaged
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView
from retain.errors import FingerprintMismatch, InvalidInput, StoreUnavailable

_BATCH = 500
_TRIES = 10

Values = Sequence[bytes | None]
Part = tuple[list[int], PackedRows]


class RedisRows:
    """Packed rows of one entity of a project in the Redis at ``url``.

    A request waits ``READ_TIMEOUT_SECONDS`` for an answer and does not try again.
    """

    def __init__(
        self,
        url: str,
        project: str,
        entity: str = "customer_id",
        *,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        write_timeout: float = WRITE_TIMEOUT_SECONDS,
    ) -> None:
        self._lane = Lane(url, read_timeout)
        self._writer = connect(url, write_timeout)
        mark = blake2b(entity.encode(), digest_size=2).hexdigest()
        self._prefix = f"{project}:{mark}:".encode()
        self._books_key = f"{project} books {entity}"
        self._jobs_key = f"{project} jobs {entity}"
        self._books: dict[bytes, Book] = {}
        self._swap = self._writer.register_script(SWAP)

    def read(self, keys: Sequence[Key], asked: Layout) -> PackedRows:
        values: Values = self._lane.ask("MGET", *self._names(keys)) if keys else []
        parts = self._parts(values)
        if len(parts) == 1:
            places, rows = parts[0]
            return rows if len(places) == len(values) else rows.spread(places, len(values))
        cells: list[list[bytes | None]] = [[None] * len(asked.views) for _ in values]
        for places, rows in parts:
            for position, own in enumerate(rows.layout.places_of(asked)):
                if own is not None:
                    for place, row in zip(places, rows.rows(own), strict=True):
                        cells[place][position] = row
        return PackedRows.beside(asked, cells)

    def read_rows(self, keys: Sequence[Key], views: Sequence[str]) -> list[list[bytes | None]]:
        values: Values = self._lane.ask("MGET", *self._names(keys)) if keys else []
        found: dict[str, list[bytes | None]] = {view: [None] * len(keys) for view in views}
        for places, rows in self._parts(values):
            for position, name in enumerate(rows.layout.names):
                if name in found:
                    for place, row in zip(places, rows.rows(position), strict=True):
                        found[name][place] = row
        return [found[view] for view in views]

    def write(
        self,
        keys: Sequence[Key],
        rows: Mapping[PackedView, Encoded],
        *,
        job: tuple[str, int] | None = None,
    ) -> None:
        views = sorted(rows, key=lambda view: view.name)
        values = self._values([view.name for view in views], [rows[view] for view in views])
        names = self._names(keys)
        starts = range(0, len(keys), _BATCH)
        # one round trip for all scripts: waiting for each costs more than what it does
        with answering():
            line = self._writer.pipeline(transaction=False)
            for start in starts:
                part = slice(start, start + _BATCH)
                line.eval(NOT_OLDER, len(names[part]), *names[part], *values[part])
            answers = line.execute()
        rest = [start + i for start, left in zip(starts, answers, strict=True) for i in left]
        for start in range(0, len(rest), _BATCH):
            part_of = rest[start : start + _BATCH]
            self._merge([names[i] for i in part_of], [values[i] for i in part_of])
        if job is not None:
            with answering():
                self._writer.hset(self._jobs_key, *job)

    def schemas(self) -> dict[int, PackedSchema]:
        with answering():
            kept = self._writer.hgetall(self._books_key)
        books = [book for name, text in kept.items() if name.isdigit() and (book := _book(text))]
        schemas = [schema for book in books for _, schema in book.layout.views]
        return {schema.fingerprint: schema for schema in schemas}

    def add_view(self, view: PackedView) -> None:
        """Nothing to do: a value makes its own room."""

    def drop_view(self, view: str) -> None:
        for names in self._scanned():
            self._merge(names, [b""] * len(names), without=view)

    def clear(self) -> None:
        for names in self._scanned():
            with answering():
                self._writer.unlink(*names)
        with answering():
            self._writer.delete(self._books_key, self._jobs_key)
        self._books.clear()

    def progress(self, job: str) -> int:
        with answering():
            return int(self._writer.hget(self._jobs_key, job) or 0)

    def end(self, job: str) -> None:
        with answering():
            self._writer.hdel(self._jobs_key, job)

    def _names(self, keys: Sequence[Key]) -> list[bytes]:
        prefix = self._prefix
        return [prefix + (b"s" + k.encode() if isinstance(k, str) else b"b" + k) for k in keys]

    def _scanned(self) -> Iterator[list[bytes]]:
        pattern = re.sub(rb"([\[\]*?\\])", rb"\\\1", self._prefix) + b"*"
        cursor: Any = "0"
        while cursor != 0:
            with answering():
                cursor, names = self._writer.scan(cursor, match=pattern, count=_BATCH)
            if names:
                yield names

    def _parts(self, values: Values, *, lenient: bool = False, patient: bool = False) -> list[Part]:
        """The values that are there, opened, by their layout, with their places.

        Whoever writes is ``patient``: it asks for a book with the timeout of a write.

        Raises:
            FingerprintMismatch: one is damaged; when ``lenient`` it is as if it were not there.
        """
        opened: dict[Layout, list[tuple[int, tuple[bytes, bytes, bytes]]]] = {}
        for place, value in enumerate(values):
            if value is None:
                continue
            try:
                book = self._book(value, patient)
                opened.setdefault(book.layout, []).append((place, book.opened(value)))
            except FingerprintMismatch:
                if not lenient:
                    raise
        parts = []
        for layout, own in opened.items():
            lines = b"".join([lines for _, (lines, _, _) in own])
            times = b"".join([times for _, (_, _, times) in own])
            tails = [tails for _, (_, tails, _) in own]
            event = np.frombuffer(times, ">u8").reshape(len(own), -1)
            rows = PackedRows(layout, lines, event, partial(list, tails))
            parts.append(([place for place, _ in own], rows))
        return parts

    def _book(self, value: bytes, patient: bool) -> Book:
        mark = value[:8]
        if mark not in self._books:
            if len(value) < HEADER.size:
                raise damaged()
            if patient:
                with answering():
                    text = self._writer.hget(self._books_key, _book_name(mark))
            else:
                text = self._lane.ask("HGET", self._books_key, _book_name(mark))
            book = None if text is None else _book(text)
            # a foreign value names no book, and a book of an older version is not read
            if book is None or book.mark != mark:
                raise damaged()
            self._books[mark] = book
        return self._books[mark]

    def _values(self, names: Sequence[str], encoded: Sequence[Encoded]) -> list[bytes]:
        return self._book_for(names, encoded).values(encoded)

    def _book_for(self, names: Sequence[str], encoded: Sequence[Encoded]) -> Book:
        """The book these views are written with: trained by the first large enough batch."""
        views = tuple((name, part.schema) for name, part in zip(names, encoded, strict=True))
        book = Book(Layout(views))
        current = f"current {book.id}"
        with answering():
            chosen = self._writer.hget(self._books_key, current)
            text = None if chosen is None else self._writer.hget(self._books_key, chosen)
        known = None if text is None else _book(text)
        if known is not None and known.layout == book.layout:
            return self._books.setdefault(known.mark, known)
        book = book.trained(encoded)
        with answering():
            self._writer.hset(self._books_key, str(book.id), book.text())
            if book.dictionary:
                self._writer.hset(self._books_key, current, book.id)
        return self._books.setdefault(book.mark, book)

    def _merge(self, names: list[bytes], new: list[bytes], *, without: str | None = None) -> None:
        """Write ``new`` over what is stored view by view, as often as somebody else is faster."""
        for _ in range(_TRIES):
            if not names:
                return
            with answering():
                old = [value or b"" for value in self._writer.mget(names)]
            merged = self._merged(old, new, without)
            with answering():
                rest = self._swap(keys=names, args=[*merged, *old])
            names, new = [names[i] for i in rest], [new[i] for i in rest]
        raise StoreUnavailable(
            f"{len(names)} customers were changed by others {_TRIES} times in a row",
            remedy="try again in a moment",
        )

    def _merged(
        self, old: Sequence[bytes], new: Sequence[bytes], without: str | None
    ) -> list[bytes]:
        found: list[dict[str, tuple[bytes, PackedSchema]]] = [{} for _ in old]
        for values, lenient in ((old, True), (new, False)):
            there = [value or None for value in values]
            for places, rows in self._parts(there, lenient=lenient, patient=True):
                for position, (name, schema) in enumerate(rows.layout.views):
                    for place, row in zip(places, rows.rows(position), strict=True):
                        kept = found[place].get(name)
                        if row and name != without and (not kept or _wins(row, schema, *kept)):
                            found[place][name] = (row, schema)
        merged = [b""] * len(old)
        alike: dict[tuple[tuple[str, PackedSchema], ...], list[int]] = {}
        for place, best in enumerate(found):
            views = tuple((name, best[name][1]) for name in sorted(best))
            alike.setdefault(views, []).append(place)
        # who has no view left is deleted
        alike.pop((), None)
        for views, places in alike.items():
            encoded = [
                Encoded.of_rows(schema, [found[place][name][0] for place in places])
                for name, schema in views
            ]
            values = self._values([name for name, _ in views], encoded)
            for place, value in zip(places, values, strict=True):
                merged[place] = value
        return merged


def _wins(row: bytes, schema: PackedSchema, kept: bytes, kept_schema: PackedSchema) -> bool:
    """Whether a row replaces the one that is kept: it is not older, or of a newer definition."""
    redefined = bool(schema.definition) and schema != kept_schema
    return redefined or row[8:16] >= kept[8:16]


def _book_name(mark: bytes) -> str:
    return str(int.from_bytes(mark[4:], "little"))


def _book(text: bytes) -> Book | None:
    try:
        return Book.of_text(text)
    except InvalidInput:
        return None
