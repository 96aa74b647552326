"""The events of a few customers, as the feature engine reads them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa

from retain.arrow_pool import columns_of, is_file, pool_of, typed
from retain.clock import to_micros
from retain.eventlog import LOGGED_SCHEMA, EventLog
from retain.features.engine import EVENT_COLUMNS

NUMBERED = EVENT_COLUMNS.insert(0, LOGGED_SCHEMA.field("seq"))
"""What is read: the engine's columns, and before them the place of the event in the log."""

_QUERY = """
    SELECT {columns} FROM events
    WHERE {whose} IN (SELECT value FROM json_each(?)) AND ts <= ?
"""
_CUSTOMERS = _QUERY.format(columns=columns_of(NUMBERED), whose="customer_id")
_VISITORS = _QUERY.format(
    columns=columns_of(NUMBERED), whose="customer_id IS NULL AND anonymous_id"
)


class CustomerEvents:
    """Reads :data:`NUMBERED` of the log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._pool = pool_of(log.engine) if is_file(log.engine) else None

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
            return of_log(ids, as_of).select(NUMBERED.names).cast(NUMBERED)
        return typed(self._pool.table(query, [json.dumps(list(ids)), to_micros(as_of)]), NUMBERED)
