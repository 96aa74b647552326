"""Reading features of a few customers at a moment, straight from the event log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol

import pyarrow as pa

from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA, ResidentEngine, keys_of
from retain.features.events import CustomerEvents


@dataclass(frozen=True, slots=True)
class Features:
    """What a read returned.

    Attributes:
        table: feature table of the known customers, in the order asked.
        unknown: customers without any event up to the moment asked for.
        features_as_of: per known customer, the moment its stored values were computed.
        stale_views: per customer, feature views older than their time to live.
    """

    table: pa.Table
    unknown: list[str]
    features_as_of: dict[str, datetime]
    stale_views: dict[str, list[str]] = field(default_factory=dict)


class FeatureReader(Protocol):
    """Anything that can say what was known about customers at a moment."""

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``.

        Raises:
            StoreUnavailable: the store behind it did not answer.
        """


class LogReader:
    """Computes features from the event log at any moment, past ones included.

    Calls from several threads each take an engine of their own, which then waits for the next.
    """

    def __init__(self, log: EventLog) -> None:
        self._events = CustomerEvents(log)
        self._idle: SimpleQueue[ResidentEngine] = SimpleQueue()

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``, by the same SQL as the batch."""
        if not customer_ids:
            return Features(FEATURE_SCHEMA.empty_table(), [], {})
        events = self._events.until(customer_ids, as_of)
        seen = set(events.column("customer_id").to_pylist())
        known = [customer_id for customer_id in customer_ids if customer_id in seen]
        unknown = [customer_id for customer_id in customer_ids if customer_id not in seen]
        if not known:
            return Features(FEATURE_SCHEMA.empty_table(), unknown, {})
        table = self._computed(events, keys_of(known, as_of))
        return Features(table, unknown, dict.fromkeys(known, as_of))

    def _computed(self, events: pa.Table, keys: pa.Table) -> pa.Table:
        try:
            engine = self._idle.get_nowait()
        except Empty:
            engine = ResidentEngine()
        try:
            return engine.table(events, keys)
        finally:
            self._idle.put(engine)
