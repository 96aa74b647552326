"""Calendar files: tables of date, region, kind, name, known at, and withdrawn."""

from collections.abc import Sequence

from retain.calendar import CALENDAR_SCHEMA, KINDS
from retain.clock import to_micros
from retain.event import EARLIEST
from retain.importers.recognise import CALENDAR
from retain.importers.table_reading import TableReading
from retain.importers.wording import NO, YES, as_text, quoted

_DAY = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ]00:00(:00)?)?$"
_LONGEST = 200


class CalendarReading(TableReading):
    """One calendar file. A row without a region holds everywhere."""

    schema = CALENDAR_SCHEMA
    spellings = CALENDAR
    needed = ("date", "kind", "name", "known_at")
    kept = CALENDAR_SCHEMA.names

    def entries(self) -> str:
        """See :meth:`TableReading.entries`."""
        date, region, given_kind, name, known_at, withdrawn = (
            as_text(self.raw(column))
            for column in ("date", "region", "kind", "name", "known_at", "withdrawn")
        )
        gone = f"coalesce(lower({withdrawn}), 'no')"
        kind = f"replace(replace(lower({given_kind}), ' ', '_'), '-', '_')"
        return f"""SELECT *, row_number() OVER (
                PARTITION BY date, region, kind, name, known_at, withdrawn ORDER BY row) AS copy
            FROM (SELECT row, malformed,
                CASE WHEN regexp_matches({date}, {quoted(_DAY)})
                    THEN CAST(TRY_CAST({date} AS TIMESTAMP) AS DATE) END AS date,
                {date} AS given_date, coalesce({region}, '') AS region,
                {kind} AS kind, {given_kind} AS given_kind, {name} AS name,
                {self.time("known_at")} AS known_at, {known_at} AS given_time,
                CASE WHEN {gone} IN {YES} THEN true WHEN {gone} IN {NO} THEN false END AS withdrawn,
                {gone} AS given_withdrawn
            FROM source)"""

    def rules(self, latest: int) -> Sequence[tuple[str, str, str]]:
        """See :meth:`TableReading.rules`."""
        kinds, none = ", ".join(map(quoted, KINDS)), quoted(f" is none of {', '.join(KINDS)}")
        wide = " OR ".join(
            f"length({name}) > {_LONGEST} OR contains({name}, chr(0))"
            for name in ("region", "name")
        )
        return [
            ("malformed_row", "malformed IS NOT NULL", "malformed"),
            (
                "invalid_date",
                "date IS NULL OR date < DATE '1990-01-01' OR date > DATE '2199-12-31'",
                "concat('not a day like 2026-12-24: ', coalesce(given_date, 'blank'))",
            ),
            (
                "unknown_kind",
                f"kind IS NULL OR kind NOT IN ({kinds})",
                f"concat(coalesce(given_kind, 'blank'), {none})",
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
