"""Queries asked of one id at a time, rendered once: for one row, that takes most of the time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select
from sqlalchemy.engine import Dialect

IDS = "ids"
_ONE = f"{IDS}_1"


class Prepared:
    """A query with an expanding parameter ``ids``; no other parameter may expand.

    With one id it goes to the driver as text: its columns are what the driver makes of them (a
    Boolean of SQLite is 0 or 1).
    """

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._rendered: dict[str, tuple[str, dict[str, Any], Sequence[str] | None]] = {}

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """All rows for ``given``, whose ``ids`` is a sequence."""
        ids = given[IDS]
        if len(ids) != 1:
            return connection.execute(self._query, given).all()
        dialect = connection.dialect
        rendered = self._rendered.get(dialect.name)
        if rendered is None:
            rendered = self._rendered[dialect.name] = self._render(dialect, given)
        text, fixed, order = rendered
        values = {**fixed, **given, _ONE: ids[0]}
        named = tuple(values[name] for name in order) if order else {n: values[n] for n in fixed}
        return connection.exec_driver_sql(text, named).all()

    def _render(
        self, dialect: Dialect, given: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], Sequence[str] | None]:
        compiled: Any = self._query.compile(dialect=dialect)
        state = compiled.construct_expanded_state(dict(given))
        order = state.positiontup if compiled.positional else None
        return state.statement, dict(state.parameters), order
