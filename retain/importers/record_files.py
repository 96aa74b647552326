"""The rows of event files, one record each: JSON lines, or Parquet taken row by row."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from retain.importers.source import damaged, open_bytes

LONGEST_LINE = 4 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: the ``record`` in it, or what is wrong with it; ``text`` as it stands."""

    number: int
    record: Any
    text: str
    wrong: str | None = None


def json_lines(path: Path, number: int = 0) -> Iterator[Row]:
    """The lines of a file that are not blank, counted from ``number`` + 1.

    Raises:
        UnreadableFile: the file breaks off or is damaged.
    """
    try:
        with open_bytes(path) as content:
            while line := content.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    yield Row(number, None, line[:200].decode(errors="replace"), "a line too long")
                    _skip_line(content)
                elif line.strip():
                    yield _parsed(number, line)
    except (OSError, EOFError) as error:
        raise damaged(path, error) from error


def parquet_batches(file: pq.ParquetFile, path: Path, rows: int) -> Iterator[pa.Table]:
    """A Parquet file, ``rows`` rows at a time.

    Raises:
        UnreadableFile: the file is damaged.
    """
    try:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error


def _parsed(number: int, line: bytes) -> Row:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        shown = line.decode(errors="backslashreplace").strip()
        return Row(number, None, shown, f"not UTF-8: {error.reason} at byte {error.start}")
    try:
        return Row(number, json.loads(text), text)
    except (ValueError, RecursionError) as error:
        return Row(number, None, text, f"not JSON: {error}"[:200])


def _skip_line(content: Any) -> None:
    while (rest := content.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass
