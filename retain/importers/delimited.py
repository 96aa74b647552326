"""CSV and its relatives as columns of text: any separator, encoding and quoting people send."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from retain.errors import UnreadableFile
from retain.importers.source import blocks, count_lines, damaged, open_bytes

BATCH_ROWS = 50_000
WHITESPACE = "whitespace"
MALFORMED = "malformed"
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited file is laid out.

    ``separator`` None is told from the first line. Without a header ``columns`` names the
    fields: one list per number of fields a file may have.
    """

    separator: str | None = None
    columns: Sequence[Sequence[str]] = ()


class DelimitedFile:
    """A delimited text file; every value is text, an empty one is null."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._encoding = encoding_of(path)
        self._has_header = not layout.columns
        with self._text() as text:
            first = next((line for line in text if line.strip()), "")
        self._separator = layout.separator or _separator_of(first)
        fields = next(self._records(iter([first])), [])
        self.columns = _unique(fields) if self._has_header else _named(path, fields, layout.columns)
        self.total_rows = max(count_lines(path) - self._has_header, 0)

    def batches(self) -> Iterator[pa.Table]:
        """Rows as text columns, and ``malformed``: what is wrong with a row, or null.

        Raises:
            UnreadableFile: the file breaks off or is damaged.
        """
        try:
            with self._text() as text:
                records = self._records(line for line in text if line.strip())
                if self._has_header:
                    next(records, None)
                yield from self._batches(records)
        except (OSError, EOFError) as error:
            raise damaged(self._path, error) from error

    def _batches(self, records: Iterator[list[str]]) -> Iterator[pa.Table]:
        width = len(self.columns)
        rows: list[list[Any]] = []
        for record in records:
            found = len(record)
            if found > width and not any(record[width:]):
                record, found = record[:width], width  # noqa: PLW2901 - separators at the end
            if found == width:
                rows.append([*record, None])
            else:
                wrong = f"{found} fields where the file has {width}"
                rows.append([*record[:width], *[None] * (width - found), wrong])
            if len(rows) == BATCH_ROWS:
                yield self._table(rows)
                rows = []
        if rows:
            yield self._table(rows)

    def _table(self, rows: list[list[Any]]) -> pa.Table:
        names = (*self.columns, MALFORMED)
        columns = [
            pa.array([value or None for value in column], pa.string())
            for column in zip(*rows, strict=True)
        ]
        return pa.Table.from_arrays(columns, names=list(names))

    def _records(self, lines: Iterator[str]) -> Iterator[list[str]]:
        if self._separator == WHITESPACE:
            return (line.split() for line in lines)
        return _parsed(csv.reader(lines, delimiter=self._separator))

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            open_bytes(self._path), encoding=self._encoding, errors="replace", newline=""
        )


def encoding_of(path: Path) -> str:
    """UTF-8 or UTF-16 where the bytes say so, else Windows-1252, which takes the rest."""
    content = blocks(path)
    head = next(content, b"")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    utf8 = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in chain([head], content):
            utf8.decode(block)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _parsed(reader: Any) -> Iterator[list[str]]:
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # an unclosed quote swallowed lines: one row, of no field that can be trusted
            yield [f"unreadable up to line {reader.line_num}: {error}"]
            continue
        yield record


def _separator_of(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    taken: dict[str, int] = {}
    unique = []
    for position, given in enumerate(names, 1):
        name = given.strip() or f"column {position}"
        taken[name] = taken.get(name, 0) + 1
        unique.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return tuple(unique)


def _named(path: Path, fields: Sequence[str], choices: Sequence[Sequence[str]]) -> tuple[str, ...]:
    for names in choices:
        if len(names) == len(fields):
            return tuple(names)
    widths = " or ".join(str(len(names)) for names in choices)
    raise UnreadableFile(
        f"{path} has {len(fields)} fields a line, not {widths}: {', '.join(choices[0])}",
        remedy="check --format, or describe the file in a mapping",
    )
