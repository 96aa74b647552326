"""The tables of the operational store: created, and those of an earlier version completed."""

from sqlalchemy import Connection, MetaData, Table, inspect, text
from sqlalchemy.schema import CreateColumn


def complete(connection: Connection, metadata: MetaData) -> None:
    """Create every table of ``metadata`` that is missing, and add the columns others lack.

    A column that was added to a table since may be null or has a default of the database:
    rows of an earlier version hold nothing else.
    """
    before = inspect(connection).get_multi_columns()
    metadata.create_all(connection)
    known = {name: {each["name"] for each in columns} for (_, name), columns in before.items()}
    for table in metadata.sorted_tables:
        if table.name in known:
            _add_columns(connection, table, known[table.name])


def _add_columns(connection: Connection, table: Table, known: set[str]) -> None:
    for column in table.columns:
        if column.name not in known:
            declared = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {declared}"))
