"""The event log: append-only, idempotent by event id, safe with several writers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import Column, ColumnElement, Engine, func, inspect, select, text, true

from retain import identities
from retain.clock import from_micros, to_micros
from retain.database import in_parts, reading, writing
from retain.event import EVENT_SCHEMA
from retain.identities import Touched
from retain.identity_links import LINK_TYPES
from retain.logged import (
    LOGGED_SCHEMA,
    NARROW_INDEX,
    Row,
    events,
    index_messages,
    insert_new,
    last_seq_in,
    messages_index,
    stored_in,
    surplus_of,
    to_rows,
    to_table,
)
from retain.pending import PendingCustomers, mark
from retain.people import People

__all__ = ["LOGGED_SCHEMA", "Appended", "EventLog", "Freshness", "Row", "events"]

_CHUNK = 50_000
# one seek in the index for each, however many events it has
_CUSTOMERS_AFTER = text(
    "WITH RECURSIVE known (id, place) AS ("
    "SELECT min(customer_id), 1 FROM events WHERE customer_id > :after UNION ALL "
    "SELECT (SELECT min(customer_id) FROM events WHERE customer_id > id), place + 1 "
    "FROM known WHERE id IS NOT NULL AND place < :most) SELECT id FROM known"
)
_FRESHNESS = (
    "SELECT value, (SELECT since FROM pending_customers WHERE customer_id = value), "
    "(SELECT max(ts) FROM events WHERE customer_id = value AND ts <= ?), "
    "EXISTS (SELECT 1 FROM identities WHERE kind = 'customer' AND id = value) FROM {}"
)


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did: ``duplicates`` holds the ids that were in the log before.

    ``touched`` says whose online features, of surviving customers, do not reflect it yet, and by
    which rows, of an append in one go.
    """

    accepted: int
    duplicates: frozenset[str]
    touched: Touched = field(default_factory=Touched)


class Freshness(NamedTuple):
    """What the log says about one customer id, before its online row is used.

    Attributes:
        since: since when it is pending, in epoch microseconds; None where it is not.
        latest: its last event, in epoch microseconds; None where there is none.
        joined: whether it ever was joined to another id (:meth:`EventLog.people`).
    """

    since: int | None
    latest: int | None
    joined: bool = False


class EventLog:
    """Reads and writes of the ``events`` table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.waiting = PendingCustomers(engine)
        _upgrade(engine)

    @property
    def engine(self) -> Engine:
        """The store the log lives in."""
        return self._engine

    def append(self, table: pa.Table, *, mark_pending: bool = False) -> Appended:
        """Store the rows of ``table`` (:data:`EVENT_SCHEMA`) whose ids are new.

        Durable when it returns. Of rows with one id the first is kept. With
        ``mark_pending`` the customers touched are noted as not yet reflected online.

        Raises:
            StoreUnavailable: nothing of the current chunk was stored; call again.
        """
        accepted = 0
        duplicates: set[str] = set()
        for start in range(0, table.num_rows, _CHUNK):
            done = self.append_rows(to_rows(table.slice(start, _CHUNK)), mark_pending=mark_pending)
            accepted += done.accepted
            duplicates |= done.duplicates
        return Appended(accepted, frozenset(duplicates))

    def append_rows(self, rows: list[Row], *, mark_pending: bool = False) -> Appended:
        """As :meth:`append`, of rows as :func:`retain.event.to_row` makes them, in one go."""
        # one at a time: sequence numbers are then in the order of commits, and who reads
        # up to the last of them has missed none
        with writing(self._engine, alone="events") as connection:
            before = last_seq_in(connection) if mark_pending else 0
            fresh = insert_new(connection, rows)
            touched = Touched()
            if mark_pending:
                touched = identities.touched(connection, fresh)
                at_once = touched.by(identities.decisive(fresh))
                mark(
                    connection,
                    touched.everybody(),
                    last_seq_in(connection),
                    first=before + 1,
                    whole=touched.changed,
                    at_once=at_once,
                )
            else:
                identities.take(connection, fresh)
        surplus = surplus_of(rows, fresh) if len(fresh) < len(rows) else set()
        return Appended(len(fresh), frozenset(surplus), touched)

    def people(self, customer_ids: Sequence[str]) -> People:
        """What links say about these customers and all they were ever joined to."""
        with reading(self._engine) as connection:
            return identities.people_among(connection, customer_ids)

    def of_customers(self, customer_ids: Sequence[str], until: datetime | None = None) -> pa.Table:
        """Events that came with these customer ids, up to and including ``until``, by time."""
        return self._with_ids(customer_ids, events.c.customer_id, true(), until)

    def of_visitors(self, anonymous_ids: Sequence[str], until: datetime | None = None) -> pa.Table:
        """Events that came with these anonymous ids and no customer's, as :meth:`of_customers`."""
        nobodys = events.c.customer_id.is_(None)
        return self._with_ids(anonymous_ids, events.c.anonymous_id, nobodys, until)

    def _with_ids(
        self,
        given: Sequence[str],
        column: Column[Any],
        condition: ColumnElement[bool],
        until: datetime | None,
    ) -> pa.Table:
        parts = []
        with reading(self._engine) as connection:
            for ids in in_parts(given):
                query = select(events).where(column.in_(ids), condition)
                if until is not None:
                    query = query.where(events.c.ts <= to_micros(until))
                query = query.order_by(column, events.c.ts, events.c.seq)
                parts.append(to_table([tuple(row) for row in connection.execute(query)]))
        return pa.concat_tables(parts) if parts else LOGGED_SCHEMA.empty_table()

    def known(self, customer_ids: Sequence[str]) -> set[str]:
        """Those of ``customer_ids`` that have at least one event."""
        found: set[str] = set()
        with reading(self._engine) as connection:
            for ids in in_parts(customer_ids):
                query = select(events.c.customer_id).where(events.c.customer_id.in_(ids))
                found.update(connection.scalars(query.distinct()))
        return found

    def stored(self, event_ids: Sequence[str]) -> set[str]:
        """Those of ``event_ids`` that are in the log."""
        with reading(self.engine) as connection:
            return stored_in(connection, event_ids)

    def after(self, seq: int, *, chunk: int = 50_000) -> Iterator[pa.Table]:
        """Everything stored after ``seq``, in the order it was stored, chunk by chunk."""
        while True:
            query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(chunk)
            with reading(self._engine) as connection:
                rows = [tuple(row) for row in connection.execute(query)]
            if not rows:
                return
            seq = rows[-1][0]
            yield to_table(rows)

    def count(self) -> int:
        """How many events are stored."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(events)) or 0)

    def last_seq(self) -> int:
        """The highest sequence number, 0 where the log is empty."""
        with reading(self._engine) as connection:
            return last_seq_in(connection)

    def event_id_at(self, seq: int) -> str | None:
        """The id of the event with this sequence number, None where there is none."""
        query = select(events.c.event_id).where(events.c.seq == seq)
        with reading(self._engine) as connection:
            found: str | None = connection.scalar(query)
        return found

    def last_event_at(self) -> datetime | None:
        """The time of the latest event, None where the log is empty."""
        with reading(self._engine) as connection:
            micros = connection.scalar(select(func.max(events.c.ts)))
        return None if micros is None else from_micros(micros)

    def customers_after(self, customer_id: str, limit: int) -> list[str]:
        """The next customers behind ``customer_id``, in the order of their ids."""
        with reading(self._engine) as connection:
            found = connection.execute(_CUSTOMERS_AFTER, {"after": customer_id, "most": limit})
            return [one for (one,) in found if one is not None]

    def freshness(self, customer_ids: Sequence[str], until: datetime) -> dict[str, Freshness]:
        """What is known about each customer up to ``until``, in one look."""
        found: dict[str, Freshness] = {}
        with reading(self._engine) as connection:
            ids: list[str] | str = list(customer_ids)
            query = _FRESHNESS.replace("?", "%s").format("unnest(%s::text[]) AS asked (value)")
            if connection.dialect.name == "sqlite":
                ids, query = json.dumps(ids), _FRESHNESS.format("json_each(?)")
            rows = connection.exec_driver_sql(query, (to_micros(until), ids))
            for customer_id, since, last, joined in rows:
                found[customer_id] = Freshness(since, last, bool(joined))
        return found

    def last_visit_of(self, anonymous_ids: Sequence[str], until: datetime) -> dict[str, int]:
        """Epoch microseconds of each visitor's last event up to ``until`` with no customer's id."""
        column = events.c.anonymous_id
        found: dict[str, int] = {}
        with reading(self.engine) as connection:
            for ids in in_parts(anonymous_ids):
                query = select(column, func.max(events.c.ts)).where(
                    events.c.customer_id.is_(None), column.in_(ids), events.c.ts <= to_micros(until)
                )
                found.update((one, ts) for one, ts in connection.execute(query.group_by(column)))
        return found

    def pending(self, limit: int = 1_000) -> dict[str, int]:
        """Customers not yet reflected online, with the last sequence number seen of each."""
        return self.waiting.batch(limit).seqs

    def pending_among(self, customer_ids: Sequence[str]) -> set[str]:
        """Those of ``customer_ids`` whose online features do not reflect the log yet.

        Of an id that was merged into another customer, whether that one's do.
        """
        people = self.people(customer_ids)
        if not people:
            return self.waiting.among(customer_ids)
        survivors = {one: people.customer(one) for one in customer_ids}
        waiting = self.waiting.among(sorted(set(survivors.values())))
        return {one for one, survivor in survivors.items() if survivor in waiting}

    def reflected(self, customers: dict[str, int], read_at: datetime | None = None) -> None:
        """Forget what :meth:`pending` returned at ``read_at``, unless a newer event came since."""
        self.waiting.reflected(customers, read_at)

    def mark_again(self, customer_ids: Sequence[str]) -> None:
        """Have the online features of these customers written again."""
        self.waiting.mark(customer_ids, self.last_seq())


def _upgrade(engine: Engine) -> None:
    """Complete the indexes of a log of an earlier version.

    One of before links were kept beside the log is told by the lack of the visitors' index: they
    are found then.
    """
    with reading(engine) as connection:
        known = {index["name"] for index in inspect(connection).get_indexes(events.name)}
    lacking = [index for index in events.indexes if index.name not in known]
    own = messages_index(engine.dialect.name)
    left = own != NARROW_INDEX and NARROW_INDEX in known
    if not known or not (lacking or left or own not in known):
        return
    with writing(engine, alone="events") as connection:
        if any(index.name == "events_by_visitor" for index in lacking):
            columns = [events.c[name] for name in EVENT_SCHEMA.names]
            links = select(*columns).where(events.c.type.in_(LINK_TYPES)).order_by(events.c.seq)
            identities.take(connection, [tuple(row) for row in connection.execute(links)])
        for index in lacking:
            index.create(connection, checkfirst=True)
        index_messages(connection)
