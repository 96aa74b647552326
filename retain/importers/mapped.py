"""A table file read by a mapping."""

from collections.abc import Iterator

import pyarrow as pa

from retain.clock import to_micros
from retain.event import EVENT_SCHEMA, FUTURE_TOLERANCE
from retain.event_table import TableReader
from retain.importers import candidates_sql, mapped_sql
from retain.importers.delimited import Layout
from retain.importers.mapping import Mapping, Value
from retain.importers.reading import Request
from retain.importers.recognise import another_format
from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.staging import Staging
from retain.importers.table_files import open_table
from retain.vocabulary import vocabulary

_TYPES_LOOKED_AT = 1_000


class MappedReading:
    """One file of a user's own columns."""

    def __init__(self, request: Request, mapping: Mapping) -> None:
        path = request.paths[0]
        file = open_table(path, Layout(mapping.file.separator, mapping.file.columns))
        values = [*mapping.fields().values(), mapping.type, mapping.time]
        values += [mapping.time.clock] if mapping.time.clock else []
        values += [*mapping.properties.values(), *mapping.lines.values()]
        if any(not _is_found(value, file.columns) for value in values):
            expected = dict.fromkeys(" or ".join(v.column) for v in values if _is_needed(v))
            raise another_format(path, request.format, expected, file.columns)
        self._request = request
        self._mapping = mapping
        self._staging = Staging(request.database, file)

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._staging.progress()

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """See :class:`retain.importers.reading.Reading`."""
        staging, mapping = self._staging, self._mapping
        for _ in staging.load():
            yield EVENT_SCHEMA.empty_table()
        tally.rows_read = staging.rows
        latest = to_micros(self._request.received_at + FUTURE_TOLERANCE)
        columns = mapped_sql.Columns(staging.inner, staging.types())
        staging.run(mapped_sql.mapped(mapping, columns))
        staging.run(mapped_sql.judged(mapping, self._types(), latest))
        staging.set_aside("SELECT row, reason, detail FROM judged WHERE reason IS NOT NULL", aside)
        kept = staging.rows_of(
            "SELECT DISTINCT type FROM judged WHERE reason IS NULL ORDER BY type"
        )
        if not kept:
            return
        currency = self._request.currency or mapping.currency
        query = candidates_sql.candidates(mapping, [name for (name,) in kept], currency)
        staging.group()
        yield from staging.read(query, TableReader(self._request.received_at), tally, aside)

    def _types(self) -> dict[str, str]:
        """The vocabulary's word for each type the file has; those without one are left out."""
        query = (
            "SELECT given_type FROM mapped WHERE given_type IS NOT NULL "
            f"GROUP BY ALL ORDER BY count(*) DESC, given_type LIMIT {_TYPES_LOOKED_AT}"
        )
        found = {}
        for (given,) in self._staging.rows_of(query):
            event_type = vocabulary().event_type(self._mapping.type.values.get(given, given))
            if event_type is not None:
                found[given] = event_type.name
        return found


def _is_needed(value: Value) -> bool:
    return bool(value.column) and not value.optional


def _is_found(value: Value, columns: tuple[str, ...]) -> bool:
    return not _is_needed(value) or any(name in columns for name in value.column)
