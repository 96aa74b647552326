"""Calendar files: tables of date, region, kind, name, known at, and withdrawn."""

from collections.abc import Iterator

import pyarrow as pa

from retain.calendar import CALENDAR_SCHEMA, KINDS
from retain.clock import to_micros
from retain.event import EARLIEST, FUTURE_TOLERANCE
from retain.importers.mapped_sql import Columns
from retain.importers.mapping import Time
from retain.importers.reading import Request
from retain.importers.recognise import CALENDAR, another_format, pick
from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.staging import Staging
from retain.importers.table_files import open_table
from retain.importers.wording import NO, YES, as_text, judging, quoted

_NEEDED = ("date", "kind", "name", "known_at")
_DAY = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ]00:00(:00)?)?$"
_LONGEST = 200


class CalendarReading:
    """One calendar file. A row without a region holds everywhere."""

    def __init__(self, request: Request) -> None:
        file = open_table(request.paths[0])
        needed = {name: CALENDAR[name] for name in _NEEDED}
        if pick(file.columns, needed) is None:
            raise another_format(request.paths[0], request.format, _NEEDED, file.columns)
        self._request = request
        self._staging = Staging(request.database, file)
        self._columns = {
            name: found[name]
            for name, spellings in CALENDAR.items()
            if (found := pick(file.columns, {name: spellings})) is not None
        }

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._staging.progress()

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """Tables of :data:`retain.calendar.CALENDAR_SCHEMA`, in the order of the file."""
        staging = self._staging
        for _ in staging.load():
            yield CALENDAR_SCHEMA.empty_table()
        tally.rows_read = staging.rows
        staging.run(self._entries())
        staging.run(_judged(to_micros(self._request.received_at + FUTURE_TOLERANCE)))
        staging.set_aside("SELECT row, reason, detail FROM judged WHERE reason IS NOT NULL", aside)
        names = ", ".join(CALENDAR_SCHEMA.names)
        for table in staging.tables(
            f"SELECT {names} FROM judged WHERE reason IS NULL ORDER BY row"
        ):
            tally.rows_kept += table.num_rows
            staging.kept += table.num_rows
            yield table.cast(CALENDAR_SCHEMA)

    def _entries(self) -> str:
        inner = {name: self._staging.inner[column] for name, column in self._columns.items()}

        def text(name: str) -> str:
            return as_text(inner.get(name, "NULL"))

        columns = Columns(self._staging.inner, self._staging.types())
        known_at = columns.time(Time(column=(self._columns["known_at"],), format=("iso", "epoch")))
        gone = f"coalesce(lower({text('withdrawn')}), 'no')"
        kind = f"replace(replace(lower({text('kind')}), ' ', '_'), '-', '_')"
        return f"""CREATE TABLE entries AS
            SELECT *, row_number() OVER (
                PARTITION BY date, region, kind, name, known_at, withdrawn ORDER BY row) AS copy
            FROM (SELECT row, malformed,
                CASE WHEN regexp_matches({text("date")}, {quoted(_DAY)})
                    THEN CAST(TRY_CAST({text("date")} AS TIMESTAMP) AS DATE) END AS date,
                {text("date")} AS given_date, coalesce({text("region")}, '') AS region,
                {kind} AS kind, {text("kind")} AS given_kind, {text("name")} AS name,
                {known_at} AS known_at, {text("known_at")} AS given_time,
                CASE WHEN {gone} IN {YES} THEN true WHEN {gone} IN {NO} THEN false END AS withdrawn,
                {gone} AS given_withdrawn
            FROM source)"""


def _judged(latest: int) -> str:
    kinds = ", ".join(map(quoted, KINDS))
    wide = " OR ".join(
        f"length({name}) > {_LONGEST} OR contains({name}, chr(0))" for name in ("region", "name")
    )
    rules = [
        ("malformed_row", "malformed IS NOT NULL", "malformed"),
        (
            "invalid_date",
            "date IS NULL OR date < DATE '1990-01-01' OR date > DATE '2199-12-31'",
            "concat('not a day like 2026-12-24: ', coalesce(given_date, 'blank'))",
        ),
        (
            "unknown_kind",
            f"kind IS NULL OR kind NOT IN ({kinds})",
            f"concat(coalesce(given_kind, 'blank'), {quoted(' is none of ' + ', '.join(KINDS))})",
        ),
        ("no_name", "name IS NULL", "'the entry has no name'"),
        (
            "invalid_field",
            f"true IS NOT DISTINCT FROM ({wide})",
            f"'region or name is longer than {_LONGEST} characters, or no text'",
        ),
        (
            "unparseable_time",
            "known_at IS NULL",
            "concat('known_at is not a time: ', coalesce(given_time, 'blank'))",
        ),
        (
            "future_time",
            f"epoch_us(known_at) > {latest}",
            "concat('nobody can know it yet: known_at is ', given_time)",
        ),
        (
            "implausible_time",
            f"epoch_us(known_at) < {to_micros(EARLIEST)}",
            "concat(given_time, ' is too long ago: known_at begins in 1990')",
        ),
        (
            "invalid_withdrawn",
            "withdrawn IS NULL",
            "concat(given_withdrawn, ' is neither yes nor no')",
        ),
        ("duplicate", "copy > 1", "'the same entry stands in this file before'"),
    ]
    return f"CREATE TABLE judged AS SELECT *, {judging(rules)} FROM entries"
