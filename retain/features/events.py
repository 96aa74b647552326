"""The events of a few customers, as the feature engine reads them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from retain.arrow_pool import ArrowPool
from retain.clock import to_micros
from retain.eventlog import EventLog
from retain.features.engine import EVENT_COLUMNS

_QUERY = """
    SELECT {columns} FROM events
    WHERE {whose} IN (SELECT value FROM json_each(?)) AND ts <= ?
"""
_NULL = pa.scalar(None, pa.string())
_NULLABLE = frozenset(field.name for field in EVENT_COLUMNS if field.nullable)


class CustomerEvents:
    """Reads :data:`EVENT_COLUMNS` of the log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._pool = ArrowPool(log.engine) if _is_file(log.engine) else None

    def until(
        self, customer_ids: Sequence[str], as_of: datetime, anonymous_ids: Sequence[str] = ()
    ) -> pa.Table:
        """Events of these customers up to and including ``as_of``, in any order.

        Of ``anonymous_ids`` those that came with no customer's id.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        if not anonymous_ids:
            return self._read(_CUSTOMERS, self._log.of_customers, customer_ids, as_of)
        visits = self._read(_VISITORS, self._log.of_visitors, anonymous_ids, as_of)
        return pa.concat_tables([self.until(customer_ids, as_of), visits])

    def _read(
        self,
        query: str,
        of_log: Callable[[Sequence[str], datetime], pa.Table],
        ids: Sequence[str],
        as_of: datetime,
    ) -> pa.Table:
        if self._pool is None:
            return of_log(ids, as_of).select(EVENT_COLUMNS.names).cast(EVENT_COLUMNS)
        rows = self._pool.table(query, [json.dumps(list(ids)), to_micros(as_of)])
        # types come from the rows themselves: of none, nothing is known
        return _typed(rows) if rows.num_rows else EVENT_COLUMNS.empty_table()


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and bool(engine.url.database)


def _typed(rows: pa.Table) -> pa.Table:
    """Empty texts are what stands for null in the query."""
    columns = []
    for field in EVENT_COLUMNS:
        column = rows.column(field.name)
        if field.name in _NULLABLE:
            column = pc.if_else(pc.equal(column, ""), _NULL, column)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=EVENT_COLUMNS)


_COLUMNS = ", ".join(
    f"coalesce({name}, '') AS {name}" if name in _NULLABLE else name for name in EVENT_COLUMNS.names
)
_CUSTOMERS = _QUERY.format(columns=_COLUMNS, whose="customer_id")
_VISITORS = _QUERY.format(columns=_COLUMNS, whose="customer_id IS NULL AND anonymous_id")
