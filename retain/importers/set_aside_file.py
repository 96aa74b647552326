"""Rows set aside: counted and written by one call, so that neither happens alone."""

import csv
from collections.abc import Sequence
from pathlib import Path

from retain.importers.report import Tally

UNFINISHED = ".unfinished"


class SetAsideFile:
    """A CSV of rows set aside; where there is none there is no file.

    It is written under a temporary name until :meth:`finish`.
    """

    def __init__(self, path: Path, tally: Tally) -> None:
        self._path = path
        self._unfinished = path.with_name(path.name + UNFINISHED)
        self._tally = tally
        self._columns: Sequence[str] = ("record",)
        self._file = self._unfinished.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)

    def name_columns(self, columns: Sequence[str]) -> None:
        """The names of a row's own columns, before the first is added."""
        self._columns = columns

    def add(self, row: int, reason: str, detail: str, original: Sequence[object]) -> None:
        """Count and write one row; what cannot be written in UTF-8 is escaped."""
        if not self._file.tell():
            self._writer.writerow(["row", "reason", "detail", *self._columns])
        self._tally.aside(reason, row, _writable(detail))
        self._writer.writerow([row, reason, _writable(detail), *map(_writable, original)])

    def finish(self) -> None:
        """Give the file its name, in place of an earlier import's; without rows, remove both."""
        self._file.close()
        if self._tally.rows_set_aside:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the file unfinished."""
        self._file.close()


def _writable(value: object) -> str:
    return "" if value is None else str(value).encode(errors="backslashreplace").decode()
