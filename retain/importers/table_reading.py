"""Table files of what is known beside events: one row, one entry, judged on its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from retain.clock import to_micros
from retain.event import FUTURE_TOLERANCE
from retain.importers.mapped_sql import Columns
from retain.importers.mapping import Time
from retain.importers.reading import Request
from retain.importers.recognise import another_format, pick
from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.staging import Staging
from retain.importers.table_files import open_table
from retain.importers.wording import judging


class TableReading(ABC):
    """Base of a :class:`retain.importers.reading.Reading` of such a file.

    A file is one of this format if it has the columns of ``needed``, by any of their
    ``spellings``; of the others it may have any.
    """

    schema: ClassVar[pa.Schema]
    """Of the tables that :meth:`events` gives."""
    spellings: ClassVar[Mapping[str, Sequence[str]]]
    needed: ClassVar[Sequence[str]]
    kept: ClassVar[Sequence[str]]
    """The columns of an entry, in the order of ``schema``."""
    order: ClassVar[str] = "row"

    def __init__(self, request: Request) -> None:
        file = open_table(request.paths[0])
        needed = {name: self.spellings[name] for name in self.needed}
        if pick(file.columns, needed) is None:
            expected = [" or ".join(spellings) for spellings in needed.values()]
            raise another_format(request.paths[0], request.format, expected, file.columns)
        self.received_at = request.received_at
        self._staging = Staging(request.database, file)
        self._columns = {
            name: found[name]
            for name, spellings in self.spellings.items()
            if (found := pick(file.columns, {name: spellings})) is not None
        }

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._staging.progress()

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """Tables of ``schema``, in their ``order``."""
        staging = self._staging
        for _ in staging.load():
            yield self.schema.empty_table()
        tally.rows_read = staging.rows
        latest = to_micros(self.received_at + FUTURE_TOLERANCE)
        staging.run(f"CREATE TABLE entries AS {self.entries()}")
        staging.run(f"CREATE TABLE judged AS SELECT *, {judging(self.rules(latest))} FROM entries")
        staging.set_aside("SELECT row, reason, detail FROM judged WHERE reason IS NOT NULL", aside)
        for table in staging.tables(
            f"SELECT {', '.join(self.kept)} FROM judged WHERE reason IS NULL ORDER BY {self.order}"
        ):
            tally.rows_kept += table.num_rows
            staging.kept += table.num_rows
            yield table.rename_columns(self.schema.names).cast(self.schema)

    @abstractmethod
    def entries(self) -> str:
        """A query over ``source`` (:class:`retain.importers.staging.Staging`) of its entries."""

    @abstractmethod
    def rules(self, latest: int) -> Sequence[tuple[str, str, str]]:
        """What sets an entry aside (:func:`retain.importers.wording.judging`).

        ``latest`` is the last moment that can be known, in epoch microseconds.
        """

    def raw(self, name: str) -> str:
        """The column of ``source`` that is called ``name``, in SQL, or NULL."""
        return self._staging.inner[self._columns[name]] if name in self._columns else "NULL"

    def time(self, name: str) -> str:
        """The moment that the column ``name`` tells, in SQL; the file has to have it."""
        columns = Columns(self._staging.inner, self._staging.types())
        return columns.time(Time(column=(self._columns[name],), format=("iso", "epoch")))
