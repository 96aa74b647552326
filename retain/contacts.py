"""Contacts made with customers, by us and by others, and the channels they closed."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Index,
    String,
    Table,
    insert,
    select,
    update,
)

from retain.actions import Action
from retain.caps import Contact, ContactState
from retain.clock import from_micros, to_micros
from retain.database import metadata, reading
from retain.eventlog import events

# one row per (decision, action) that was reserved or reported as sent
contacts = Table(
    "contacts",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("released", Boolean, nullable=False, default=False),
    Index("contacts_by_customer", "customer_id", "at"),
)

# channels a customer closed through feedback; the log may say it later or never
suppressions = Table(
    "suppressions",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
)

LOOK_BACK_DAYS = 365
_IDS_PER_QUERY = 500


class Contacts:
    """Reads what caps are counted over: our own contacts, and messages sent by others."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, customer_ids: Sequence[str], now: datetime) -> dict[str, ContactState]:
        """The state of every customer who has one; the others had no contact in a year."""
        with reading(self._engine) as connection:
            return states(connection, customer_ids, now)


def states(
    connection: Connection, customer_ids: Sequence[str], now: datetime
) -> dict[str, ContactState]:
    """As :meth:`Contacts.read`, within a transaction."""
    made: dict[str, list[Contact]] = {}
    closed: dict[str, set[str]] = {}
    for start in range(0, len(customer_ids), _IDS_PER_QUERY):
        ids = customer_ids[start : start + _IDS_PER_QUERY]
        since = to_micros(now - timedelta(days=LOOK_BACK_DAYS))
        for customer_id, contact in _made(connection, ids, since, to_micros(now)):
            made.setdefault(customer_id, []).append(contact)
        query = select(suppressions).where(suppressions.c.customer_id.in_(ids))
        for row in connection.execute(query):
            closed.setdefault(row.customer_id, set()).add(row.channel)
    return {
        customer_id: ContactState(
            tuple(made.get(customer_id, ())), frozenset(closed.get(customer_id, ()))
        )
        for customer_id in made.keys() | closed.keys()
    }


def record(
    connection: Connection,
    decision_id: str,
    action: Action,
    customer_id: str,
    at: datetime,
) -> None:
    """Count ``action`` from now on; recording it again changes nothing."""
    known = select(contacts.c.released).where(*_is(decision_id, action.id))
    if connection.execute(known).first() is None:
        connection.execute(
            insert(contacts).values(
                decision_id=decision_id,
                action_id=action.id,
                customer_id=customer_id,
                channel=action.channel,
                at=to_micros(at),
                released=False,
            )
        )


def release(connection: Connection, decision_id: str, action_id: str) -> None:
    """It was not sent after all: it no longer counts."""
    connection.execute(update(contacts).where(*_is(decision_id, action_id)).values(released=True))


def suppress(
    connection: Connection, customer_id: str, channel: str, since: datetime, reason: str
) -> None:
    """Close a channel for a customer from now on."""
    key = (suppressions.c.customer_id == customer_id, suppressions.c.channel == channel)
    if connection.execute(select(suppressions.c.since).where(*key)).first() is None:
        connection.execute(
            insert(suppressions).values(
                customer_id=customer_id, channel=channel, since=to_micros(since), reason=reason
            )
        )


def _is(decision_id: str, action_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return contacts.c.decision_id == decision_id, contacts.c.action_id == action_id


def _made(
    connection: Connection, customer_ids: Sequence[str], since: int, until: int
) -> Iterator[tuple[str, Contact]]:
    """Our contacts, planned ones included, and messages in the log that are not ours."""
    ours: set[tuple[str, str]] = set()
    query = select(contacts).where(contacts.c.customer_id.in_(customer_ids), contacts.c.at > since)
    for row in connection.execute(query):
        ours |= {(row.decision_id, row.action_id), (row.decision_id, "")}
        if not row.released:
            yield row.customer_id, Contact(from_micros(row.at), row.channel, row.action_id)
    sent = select(events.c.customer_id, events.c.ts, events.c.channel, events.c.properties).where(
        events.c.customer_id.in_(customer_ids),
        events.c.ts > since,
        events.c.ts <= until,
        events.c.type == "message_sent",
    )
    for row in connection.execute(sent):
        properties = json.loads(row.properties)
        action_id = properties.get("action_id")
        if (properties.get("decision_id"), action_id or "") not in ours:
            channel = row.channel.lower() if row.channel else None
            yield row.customer_id, Contact(from_micros(row.ts), channel, action_id)
