"""Packed rows in Redis: one string per customer holds the rows of all its views.

Reading n customers is one MGET. Writing is one script per batch: it replaces a value whose
views are all not newer, leaves one whose views are all newer, and hands back the rest, which
are merged here and swapped in if nobody was faster.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from feature_repo.packed_backend import Found, Key
from feature_repo.packed_book import Book, Opened
from feature_repo.packed_codec import Encoded
from feature_repo.packed_redis_client import (
    NOT_OLDER,
    READ_TIMEOUT_SECONDS,
    SWAP,
    WRITE_TIMEOUT_SECONDS,
    answering,
    connect,
)
from feature_repo.packed_rows import PackedRows, mismatch
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView
from retain.errors import StoreUnavailable

_BATCH = 500
_TRIES = 10


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
        self._reader = connect(url, read_timeout)
        self._writer = connect(url, write_timeout)
        mark = blake2b(entity.encode(), digest_size=2).hexdigest()
        self._prefix = f"{project}:{mark}:".encode()
        self._books_key = f"{project} books {entity}"
        self._jobs_key = f"{project} jobs {entity}"
        self._books: dict[int, Book] = {}
        self._not_older = self._writer.register_script(NOT_OLDER)
        self._swap = self._writer.register_script(SWAP)

    def read(self, keys: Sequence[Key], views: Sequence[PackedView]) -> list[Found]:
        opened = list(self._opened(keys))
        return [_found(view, opened, len(keys)) for view in views]

    def read_rows(self, keys: Sequence[Key], views: Sequence[str]) -> list[list[bytes | None]]:
        rows: dict[str, list[bytes | None]] = {view: [None] * len(keys) for view in views}
        for places, part in self._opened(keys):
            for position, (name, _) in enumerate(part.book.views):
                if name in rows:
                    for place, row in zip(places, part.rows(position), strict=True):
                        rows[name][place] = row
        return list(rows.values())

    def write(
        self,
        keys: Sequence[Key],
        rows: Mapping[PackedView, Encoded],
        *,
        job: tuple[str, int] | None = None,
    ) -> None:
        views = sorted(rows, key=lambda view: view.name)
        values = self._values([view.name for view in views], [rows[view] for view in views])
        for start in range(0, len(keys), _BATCH):
            names = self._names(keys[start : start + _BATCH])
            part = values[start : start + _BATCH]
            with answering():
                rest = self._not_older(keys=names, args=part)
            self._merge([names[i] for i in rest], [part[i] for i in rest])
        if job is not None:
            with answering():
                self._writer.hset(self._jobs_key, *job)

    def schemas(self) -> dict[int, PackedSchema]:
        with answering():
            kept = self._writer.hgetall(self._books_key)
        books = [Book.of_text(text) for name, text in kept.items() if name.isdigit()]
        return {schema.fingerprint: schema for book in books for _, schema in book.views}

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

    def _opened(self, keys: Sequence[Key]) -> Iterator[tuple[list[int], Opened]]:
        """The values of these keys, opened book by book, with their places among the keys."""
        with answering():
            values = self._reader.mget(self._names(keys)) if keys else []
        yield from self._by_book(values)

    def _by_book(self, values: Sequence[bytes | None]) -> Iterator[tuple[list[int], Opened]]:
        places: dict[bytes, list[int]] = {}
        for place, value in enumerate(values):
            if value is not None:
                places.setdefault(value[4:8], []).append(place)
        for book_id, where in places.items():
            book = self._book(int.from_bytes(book_id, "little"))
            yield where, book.opened([value for i in where if (value := values[i]) is not None])

    def _book(self, book_id: int) -> Book:
        if book_id not in self._books:
            with answering():
                text = self._reader.hget(self._books_key, str(book_id))
            if text is None:
                raise StoreUnavailable(
                    f"Redis lost the book {book_id} that its values were written with",
                    remedy="clear the online store and materialise again",
                )
            self._books[book_id] = Book.of_text(text)
        return self._books[book_id]

    def _values(self, names: Sequence[str], encoded: Sequence[Encoded]) -> list[bytes]:
        return self._book_for(names, encoded).values(encoded)

    def _book_for(self, names: Sequence[str], encoded: Sequence[Encoded]) -> Book:
        """The book these views are written with: trained by the first large enough batch."""
        book = Book(tuple((name, part.schema) for name, part in zip(names, encoded, strict=True)))
        current = f"current {book.id}"
        with answering():
            chosen = self._writer.hget(self._books_key, current)
        if chosen is not None:
            return self._book(int(chosen))
        book = book.trained(encoded)
        with answering():
            self._writer.hsetnx(self._books_key, str(book.id), book.text())
            if book.dictionary:
                self._writer.hsetnx(self._books_key, current, book.id)
        self._books[book.id] = book
        return book

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
        for values in (old, new):
            for places, part in self._by_book([value or None for value in values]):
                for position, (name, schema) in enumerate(part.book.views):
                    for place, row in zip(places, part.rows(position), strict=True):
                        kept = found[place].get(name)
                        if row and name != without and (not kept or row[8:16] >= kept[0][8:16]):
                            found[place][name] = (row, schema)
        merged = [b""] * len(old)
        alike: dict[tuple[tuple[str, PackedSchema], ...], list[int]] = {}
        for place, rows in enumerate(found):
            views = tuple((name, rows[name][1]) for name in sorted(rows))
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


def _found(view: PackedView, opened: Sequence[tuple[list[int], Opened]], count: int) -> Found:
    present = np.zeros(count, bool)
    parts: list[PackedRows] = []
    places = []
    for where, part in opened:
        names = [name for name, _ in part.book.views]
        if view.name not in names:
            continue
        position = names.index(view.name)
        if part.book.views[position][1] is not view.schema:
            _check(view, part, position)
        rows = part.packed(position, view.name)
        if len(rows.fixed) == count:
            return Found(np.ones(count, bool), rows)
        parts.append(rows)
        places.append(np.array(where)[part.present(position)])
        present[places[-1]] = True
    return Found(present, PackedRows.together(view.schema, parts, places, view=view.name))


def _check(view: PackedView, part: Opened, position: int) -> None:
    other = part.book.views[position][1]
    if other.fingerprint != view.schema.fingerprint and part.present(position).any():
        raise mismatch(view.name)
