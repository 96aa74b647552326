"""Reading features of a few customers at a moment, straight from the event log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

import pyarrow as pa

from retain.clock import to_micros
from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA, ResidentEngine, keys_of
from retain.features.events import CustomerEvents
from retain.identity import Member
from retain.identity_links import ANONYMOUS, CUSTOMER

Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Features:
    """What a read returned.

    Attributes:
        table: feature table of the known customers, in the order asked.
        unknown: customers without any event up to the moment asked for.
        features_as_of: per known customer, the moment its stored values were computed.
        stale_views: per customer, feature views older than their time to live.
        merged_into: the surviving customer of those asked for that were merged into another.
    """

    table: pa.Table
    unknown: list[str]
    features_as_of: dict[str, datetime]
    stale_views: dict[str, list[str]] = field(default_factory=dict)
    merged_into: dict[str, str] = field(default_factory=dict)

    def under(self, customer_ids: Sequence[str], merged_into: Mapping[str, str]) -> "Features":
        """These features of surviving customers, as answers to the ids that were asked for."""
        survivor = {one: merged_into.get(one, one) for one in customer_ids}
        rows = {one: row for row, one in enumerate(self.table.column("customer_id").to_pylist())}
        known = [one for one in customer_ids if survivor[one] in rows]
        table = self.table.take(pa.array([rows[survivor[one]] for one in known], pa.int64()))
        return Features(
            table=table.set_column(0, FEATURE_SCHEMA.field(0), pa.array(known, pa.string())),
            unknown=[one for one in customer_ids if survivor[one] not in rows],
            features_as_of=_under(self.features_as_of, survivor),
            stale_views=_under(self.stale_views, survivor),
            merged_into={one: survivor[one] for one in known if survivor[one] != one},
        )


def _under(told: Mapping[str, Told], survivor: Mapping[str, str]) -> dict[str, Told]:
    """What is told of survivors, of them and of the ids that are asked for."""
    return {**told, **{one: told[whose] for one, whose in survivor.items() if whose in told}}


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
        self._log = log
        self._events = CustomerEvents(log)
        self._idle: SimpleQueue[ResidentEngine] = SimpleQueue()

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``, by the same SQL as the batch."""
        if not customer_ids:
            return Features(FEATURE_SCHEMA.empty_table(), [], {})
        people = self._log.people(customer_ids)
        if people:
            at = to_micros(as_of)
            merged = people.survivors(customer_ids, at)
            survivors = list(dict.fromkeys(merged.get(one, one) for one in customer_ids))
            members = {one for survivor in survivors for one in people.members(survivor, at)}
            found = self._of(survivors, as_of, members, people.memberships)
            return found.under(customer_ids, merged)
        return self._of(customer_ids, as_of, {Member(CUSTOMER, one) for one in customer_ids})

    def _of(
        self,
        customer_ids: Sequence[str],
        as_of: datetime,
        members: Collection[Member],
        memberships: pa.Table | None = None,
    ) -> Features:
        ids = {
            kind: [one.id for one in members if one.kind == kind] for kind in (CUSTOMER, ANONYMOUS)
        }
        events = self._events.until(ids[CUSTOMER], as_of, ids[ANONYMOUS])
        seen = set(events.column("customer_id").to_pylist())
        known = [customer_id for customer_id in customer_ids if customer_id in seen]
        unknown = [customer_id for customer_id in customer_ids if customer_id not in seen]
        if not known:
            return Features(FEATURE_SCHEMA.empty_table(), unknown, {})
        table = self._computed(events, keys_of(known, as_of), memberships)
        return Features(table, unknown, dict.fromkeys(known, as_of))

    def _computed(self, events: pa.Table, keys: pa.Table, memberships: pa.Table | None) -> pa.Table:
        try:
            engine = self._idle.get_nowait()
        except Empty:
            engine = ResidentEngine()
        try:
            return engine.table(events, keys, memberships)
        finally:
            self._idle.put(engine)
