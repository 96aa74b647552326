"""A table file inside the scratch database, where SQL judges and groups its rows."""

from collections.abc import Iterator
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.event_table import TableReader
from retain.importers.delimited import MALFORMED
from retain.importers.report import Tally
from retain.importers.scratch import Distinct
from retain.importers.set_aside_file import SetAsideFile
from retain.set_aside import SetAside

_OUT_ROWS = 10_000
_BUCKET_ROWS = 100_000


class TableFile(Protocol):
    """A file of rows and columns; batches may bring a text column ``malformed`` besides."""

    columns: tuple[str, ...]
    total_rows: int

    def batches(self) -> Iterator[pa.Table]:
        """The rows, in the order of the file."""


class Staging:
    """The rows of a file as the table ``source``: ``row``, ``malformed`` and ``c0``, ``c1`` …

    Column names are the user's and may be anything; inside they are numbers.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, file: TableFile) -> None:
        # two, because a result still being read ends with its connection's next query
        self._database, self._besides = database.cursor(), database.cursor()
        self._database.execute("SET TimeZone = 'UTC'")
        self._file = file
        self.inner = {name: f"c{number}" for number, name in enumerate(file.columns)}
        self.rows = 0
        self.kept = 0

    def progress(self) -> tuple[int, int]:
        """Rows done, of all: a row counts half when it is read and half when it is kept."""
        total = max(self._file.total_rows, self.rows)
        return (self.rows + self.kept) // 2, total

    def load(self) -> Iterator[int]:
        """Fill ``source``, yielding how many rows it has so far."""
        for batch in self._file.batches():
            self._insert(batch)
            yield self.rows
        if not self.rows:
            columns = ", ".join(f"{inner} VARCHAR" for inner in self.inner.values())
            self.run(f"CREATE TABLE source (row BIGINT, {MALFORMED} VARCHAR, {columns})")

    def types(self) -> dict[str, str]:
        """The SQL type of every column of the file."""
        query = "SELECT name, type FROM pragma_table_info('source')"
        found = dict(self._database.execute(query).fetchall())
        return {name: str(found[inner]) for name, inner in self.inner.items()}

    def run(self, statement: str) -> None:
        """Run SQL that answers nothing."""
        self._database.execute(statement)

    def group(self, besides: str = "") -> None:
        """Fill ``groups`` from ``judged``: one row per ``grp``, its first time, and a bucket.

        ``besides`` adds aggregates. Buckets follow each other in time; groups of one time are
        in one bucket.
        """
        self.run(f"""CREATE TABLE groups AS
            SELECT *, (sum(size) OVER (ORDER BY ts) - 1) // {_BUCKET_ROWS} AS bucket
            FROM (SELECT grp, min(ts) AS ts, count(*) AS size {besides}
                  FROM judged WHERE reason IS NULL GROUP BY grp)""")

    def rows_of(self, query: str) -> list[tuple[Any, ...]]:
        """The result of ``query``, where it is short."""
        return self._database.execute(query).fetchall()

    def tables(self, query: str) -> Iterator[pa.Table]:
        """The result of ``query``, a bounded number of rows at a time."""
        for batch in self._database.sql(query).to_arrow_reader(_OUT_ROWS):
            yield pa.Table.from_batches([batch])

    def set_aside(self, verdicts: str, aside: SetAsideFile) -> None:
        """Set aside the rows that ``verdicts`` (a query of row, reason, detail) names."""
        aside.name_columns(list(self.inner))
        own = ", ".join(f"CAST({inner} AS VARCHAR)" for inner in self.inner.values())
        query = (
            f"SELECT row, reason, detail, {own} FROM ({verdicts}) AS verdict "
            "JOIN source USING (row) ORDER BY row"
        )
        for table in self.tables(query):
            for row, reason, detail, *original in zip(
                *(column.to_pylist() for column in table.columns), strict=True
            ):
                aside.add(row, reason, detail, original)

    def read(
        self, candidates: str, reader: TableReader, tally: Tally, aside: SetAsideFile
    ) -> Iterator[pa.Table]:
        """Events of ``candidates``: a query of the event table's columns and ``rows``.

        ``rows`` lists the rows of the file that a candidate stands for; where it turns out
        not to be an event, they are set aside with its reason. Lists and wide rows do not
        spill, so the query runs bucket by bucket: over ``members``, the bucket's rows of
        ``judged``, and with its number in place of ``{bucket}``.
        """
        self.run("CREATE TABLE refused (row BIGINT, reason VARCHAR, detail VARCHAR)")
        ids = Distinct(self._besides, "event_ids")
        for table in self._by_bucket(candidates):
            read = reader.read(table)
            tally.drop(read.dropped)
            rows = table.column("rows").combine_chunks()
            first = ids.first(read.events.column("event_id"))
            again = SetAside("duplicate", "another row of this file has its event id")
            repeated = [(int(place), again) for place in read.rows[~first]]
            self._refuse(rows, [*read.set_aside, *repeated])
            kept = int(pc.sum(pc.list_value_length(rows.take(read.rows[first]))).as_py() or 0)
            tally.rows_kept += kept
            self.kept += kept
            yield read.events.filter(pa.array(first))
        self.set_aside("SELECT * FROM refused", aside)

    def _by_bucket(self, query: str) -> Iterator[pa.Table]:
        for (bucket,) in self.rows_of("SELECT DISTINCT bucket FROM groups ORDER BY bucket"):
            of_bucket = f"SELECT grp FROM groups WHERE bucket = {bucket}"
            self.run(
                "CREATE OR REPLACE TABLE members AS SELECT * FROM judged "
                f"WHERE reason IS NULL AND grp IN ({of_bucket})"
            )
            yield from self.tables(query.replace("{bucket}", str(bucket)))

    def _refuse(self, rows: pa.ListArray, refused: list[tuple[int, SetAside]]) -> None:
        found = [
            (row, why.reason, why.detail) for place, why in refused for row in rows[place].as_py()
        ]
        if found:
            self._besides.executemany("INSERT INTO refused VALUES (?, ?, ?)", found)

    def _insert(self, batch: pa.Table) -> None:
        count = batch.num_rows
        numbers = pa.array(np.arange(self.rows + 1, self.rows + count + 1))
        wrong = pa.nulls(count, pa.string())
        if MALFORMED in batch.column_names[len(self.inner) :]:
            wrong = batch.column(len(self.inner))
        columns = [_without_nan(batch.column(number)) for number in range(len(self.inner))]
        names = ["row", MALFORMED, *self.inner.values()]
        self._database.register("staged", pa.table([numbers, wrong, *columns], names=names))
        into = "INSERT INTO source" if self.rows else "CREATE TABLE source AS"
        self._database.execute(f"{into} SELECT * FROM staged")
        self._database.unregister("staged")
        self.rows += count


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column
