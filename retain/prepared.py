"""Queries asked of one id at a time, rendered once: for one row, that takes most of the time."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

IDS = "ids"
_ONE = f"{IDS}_1"


class Prepared:
    """A query with an expanding parameter ``ids``; no other parameter may expand.

    With one id it goes to the driver as text: what its columns hold is what the driver makes of
    them (a Boolean of SQLite is 0 or 1).
    """

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        names = [str(column.key) for column in query.selected_columns]
        self._row: Any = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024
        self._rendered: dict[str, tuple[str, dict[str, Any], Sequence[str] | None]] = {}

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Any]:
        """All rows for ``given``, whose ``ids`` is a sequence; columns are attributes.

        Raises:
            sqlalchemy.exc.DBAPIError: as any other query does.
        """
        ids = given[IDS]
        if len(ids) != 1:
            return connection.execute(self._query, given).all()
        dialect = connection.dialect
        rendered = self._rendered.get(dialect.name)
        if rendered is None:
            rendered = self._rendered[dialect.name] = self._render(dialect, given)
        text, fixed, order = rendered
        values = {**fixed, **given, _ONE: ids[0]}
        named = (
            [values[name] for name in order] if order else {name: values[name] for name in fixed}
        )
        found = _asked(connection, text, named)
        return [self._row._make(row) for row in found] if found else found

    def _render(
        self, dialect: Dialect, given: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], Sequence[str] | None]:
        compiled: Any = self._query.compile(dialect=dialect)
        state = compiled.construct_expanded_state(dict(given))
        order = state.positiontup if compiled.positional else None
        return state.statement, dict(state.parameters), order


def _asked(connection: Connection, text: str, named: Any) -> list[Any]:
    """The rows as the driver gives them; an error is SQLAlchemy's, as of any other query."""
    driver: Any = connection.dialect.loaded_dbapi
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(text, named)
        rows: list[Any] = cursor.fetchall()
    except driver.Error as error:
        pooled: Any = connection.connection.dbapi_connection
        lost = connection.dialect.is_disconnect(error, pooled, cursor)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            text,
            None,
            error,
            driver.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error
    finally:
        cursor.close()
    return rows
