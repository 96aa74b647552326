"""What every importer gives to the one loop that writes to the log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile


@dataclass(frozen=True, slots=True)
class Request:
    """One import as it was asked for.

    ``currency`` is that of orders which name none; ``received_at`` the import's own moment,
    after which no event may lie. ``database`` is the import's scratch.
    """

    paths: tuple[Path, ...]
    format: str
    received_at: datetime
    database: duckdb.DuckDBPyConnection
    mapping: Path | None = None
    currency: str | None = None


class Reading(Protocol):
    """A file being read.

    :meth:`events` yields tables of :data:`retain.event.EVENT_SCHEMA` without repeated ids,
    and counts every row of the file once: as kept in ``tally``, or as set aside.
    :meth:`progress` says how far it is: rows done, of how many (an estimate, or 0).
    """

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """The file's events, some tens of thousands at a time."""

    def progress(self) -> tuple[int, int]:
        """Rows done and rows in all."""
