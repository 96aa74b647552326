"""Reading features of a few customers at a moment, straight from the event log."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from retain.clock import to_micros
from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA, keys_of
from retain.features.events import CustomerEvents
from retain.features.resident import ResidentEngine
from retain.features.sheet import Rows, Sheet
from retain.identity_links import ANONYMOUS, CUSTOMER
from retain.people import People

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Features:
    """What a read returned.

    Attributes:
        rows: the features of the known customers, in the order asked.
        unknown: customers without any event up to the moment asked for.
        features_as_of: per known customer, the moment up to which every accepted event is in
            its values: that of the answer, or of the stored row where newer events wait.
        stale_views: per customer, feature views older than their time to live.
        merged_into: the surviving customer of those asked for that were merged into another.
    """

    rows: pa.Table | Rows
    unknown: list[str]
    features_as_of: dict[str, datetime]
    stale_views: dict[str, list[str]] = field(default_factory=dict)
    merged_into: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> pa.Table:
        """The features as a feature table."""
        return self.rows if isinstance(self.rows, pa.Table) else self.rows.table

    @property
    def sheet(self) -> Sheet:
        """The features as they are read, aged."""
        return Sheet.of(self.rows) if isinstance(self.rows, pa.Table) else self.rows.sheet

    def under(self, customer_ids: Sequence[str], merged_into: Mapping[str, str]) -> "Features":
        """These features of surviving customers, as answers to the ids that were asked for."""
        if not merged_into and list(self.features_as_of) == list(customer_ids):
            return self
        survivor = {one: merged_into.get(one, one) for one in customer_ids}
        rows = {one: row for row, one in enumerate(self.table.column("customer_id").to_pylist())}
        known = [one for one in customer_ids if survivor[one] in rows]
        table = self.table.take(pa.array([rows[survivor[one]] for one in known], pa.int64()))
        return Features(
            rows=table.set_column(0, FEATURE_SCHEMA.field(0), pa.array(known, pa.string())),
            unknown=[one for one in customer_ids if survivor[one] not in rows],
            features_as_of=_under(self.features_as_of, survivor),
            stale_views=_under(self.stale_views, survivor),
            merged_into={one: survivor[one] for one in known if survivor[one] != one},
        )


def _under(told: Mapping[str, Said], survivor: Mapping[str, str]) -> dict[str, Said]:
    """What is told of survivors, of them and of the ids that are asked for."""
    return {**told, **{one: told[whose] for one, whose in survivor.items() if whose in told}}


class PartsReader(Protocol):
    """A reader that answers about many customers in parts, each as soon as it is to be had."""

    def parts(self, customer_ids: Sequence[str], as_of: datetime) -> Sequence[Features]:
        """Features of different ``customer_ids`` at ``as_of``; each is in one of the parts.

        Raises:
            StoreUnavailable: the store behind it did not answer.
        """

    def last_known(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """What is stored of different ``customer_ids``, whatever happened since.

        Nobody is in ``unknown``: who has nothing stored may be known to the log.

        Raises:
            StoreUnavailable: the online store did not answer.
        """


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
        told = self.told(customer_ids, as_of)
        if not told.known:
            found = Features(FEATURE_SCHEMA.empty_table(), told.unknown, {})
        else:
            with self._engine() as engine:
                table = engine.table(told.events, keys_of(told.known, as_of))
            found = Features(table, told.unknown, dict.fromkeys(told.known, as_of))
        return found.under(customer_ids, told.merged) if told.people else found

    def told(self, customer_ids: Sequence[str], as_of: datetime) -> "Told":
        """What the log says up to ``as_of`` of whoever the customers are by then.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        people, at = self._log.people(customer_ids), to_micros(as_of)
        merged = people.survivors(customer_ids, at) if people else {}
        survivors = list(customer_ids)
        if merged:
            survivors = list(dict.fromkeys(merged.get(one, one) for one in customer_ids))
        owners: dict[str, dict[str, str]] = {CUSTOMER: {}, ANONYMOUS: {}}
        for survivor in survivors if people else ():
            for member in people.members(survivor, at):
                owners[member.kind][member.id] = survivor
        own = [*survivors, *(one for one in owners[CUSTOMER] if owners[CUSTOMER][one] != one)]
        events = self._events.until(own, as_of, list(owners[ANONYMOUS]))
        seen = set(pc.unique(events.column("customer_id")).to_pylist())
        return Told(
            people=people,
            merged=merged,
            known=[one for one in survivors if one in seen],
            unknown=[one for one in survivors if one not in seen],
            events=_owned(events, owners) if people else events,
        )

    def views(
        self, told: "Told", wanted: Mapping[str, Sequence[str]], as_of: datetime
    ) -> dict[str, pa.Table]:
        """Each of some feature views, of its own customers among those told of, in their order."""
        with self._engine() as engine:
            return engine.views(told.events, wanted, as_of)

    @contextmanager
    def _engine(self) -> Iterator[ResidentEngine]:
        try:
            engine = self._idle.get_nowait()
        except Empty:
            engine = ResidentEngine()
        try:
            yield engine
        finally:
            self._idle.put(engine)


@dataclass(frozen=True, slots=True)
class Told:
    """What the log says of some customers up to a moment.

    Attributes:
        people: who they were ever joined to.
        merged: the surviving customer of those that were merged into another by then.
        known: surviving customers with an event of their own.
        unknown: the others.
        events: of all ids that are theirs by then, under the surviving id.
    """

    people: People
    merged: dict[str, str]
    known: list[str]
    unknown: list[str]
    events: pa.Table


def _owned(events: pa.Table, owners: Mapping[str, Mapping[str, str]]) -> pa.Table:
    """The same events, each under the id of the customer that the id it came with belongs to."""
    place = events.schema.get_field_index("customer_id")
    own, visitor = events.column("customer_id"), events.column("anonymous_id")
    found = pc.if_else(
        pc.is_valid(own), _looked_up(own, owners[CUSTOMER]), _looked_up(visitor, owners[ANONYMOUS])
    )
    return events.set_column(place, events.schema.field(place), pc.coalesce(found, own))


def _looked_up(ids: pa.ChunkedArray, owner: Mapping[str, str]) -> pa.ChunkedArray:
    places = pc.index_in(ids, value_set=pa.array(list(owner), pa.string()))
    return pa.array(list(owner.values()), pa.string()).take(places)
