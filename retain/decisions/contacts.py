"""Contacts made with customers, by us and by others, and the channels they closed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from retain import identities
from retain.clock import from_micros, to_micros
from retain.database import Id, in_parts, metadata, reading
from retain.decisions.caps import Contact, ContactState
from retain.eventlog import events
from retain.identity_links import CUSTOMER

# one row per (decision, action) that was reserved or reported as sent
contacts = Table(
    "contacts",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("customer_id", Id, nullable=False),
    Column("channel", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("released", Boolean, nullable=False, default=False),
    Index("contacts_by_customer", "customer_id", "at"),
)

# channels a customer closed through feedback; the log may say it later or never
suppressions = Table(
    "suppressions",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
)

LOOK_BACK_DAYS = 365

# made once: for one customer, making a query takes longer than running it
_THESE: BindParameter[str] = bindparam("ids", expanding=True)
_OURS = select(contacts).where(
    contacts.c.customer_id.in_(_THESE), contacts.c.at > bindparam("since")
)
_OURS_UNTIL = _OURS.where(contacts.c.made_at <= bindparam("latest"))
_SENT = select(events.c.customer_id, events.c.ts, events.c.channel, events.c.properties).where(
    events.c.customer_id.in_(_THESE),
    events.c.ts > bindparam("since"),
    events.c.ts <= bindparam("until"),
    events.c.type == "message_sent",
)
_SHUT = select(suppressions).where(suppressions.c.customer_id.in_(_THESE))


class Contacts:
    """Reads what caps are counted over: our own contacts, and messages sent by others."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, customer_ids: Sequence[str], now: datetime) -> dict[str, ContactState]:
        """The state of every customer who has one; the others had no contact in a year.

        What was decided after ``now`` is not known at ``now``.
        """
        with reading(self._engine) as connection:
            return states(connection, customer_ids, now, decided_until=now)


def states(
    connection: Connection,
    customer_ids: Sequence[str],
    now: datetime,
    *,
    decided_until: datetime | None = None,
) -> dict[str, ContactState]:
    """As :meth:`Contacts.read`, within a transaction.

    Without ``decided_until`` everything decided counts: another process's clock may be
    ahead of ours, and its contact must not be overlooked when the next is reserved.
    """
    latest = None if decided_until is None else to_micros(decided_until)
    made: dict[str, list[Contact]] = {}
    closed: dict[str, set[str]] = {}
    for ids in in_parts(customer_ids):
        since = to_micros(now - timedelta(days=LOOK_BACK_DAYS))
        owner = _owners(connection, ids, to_micros(now))
        for one, contact in _made(connection, list(owner), since, to_micros(now), latest):
            made.setdefault(owner[one], []).append(contact)
        for one, channel in _closed(connection, owner):
            closed.setdefault(owner[one], set()).add(channel)
    return {
        customer_id: ContactState(
            tuple(made.get(customer_id, ())), frozenset(closed.get(customer_id, ()))
        )
        for customer_id in made.keys() | closed.keys()
    }


def plan(
    connection: Connection,
    decision_id: str,
    action_id: str,
    *,
    channel: str,
    customer_id: str,
    at: datetime,
    made_at: datetime,
) -> None:
    """Count a contact decided at ``made_at`` that is to be made ``at`` this time."""
    connection.execute(
        insert(contacts).values(
            decision_id=decision_id,
            action_id=action_id,
            customer_id=customer_id,
            channel=channel,
            at=to_micros(at),
            made_at=to_micros(made_at),
            released=False,
        )
    )


def settle(
    connection: Connection,
    decision_id: str,
    action_id: str,
    *,
    sent_at: datetime | None,
    released: bool,
) -> bool:
    """Say when a planned contact was made, or that it was not; False where none was planned."""
    known = {} if sent_at is None else {"at": to_micros(sent_at)}
    settled = connection.execute(
        update(contacts)
        .where(contacts.c.decision_id == decision_id, contacts.c.action_id == action_id)
        .values(released=released, **known)
    )
    return settled.rowcount > 0


def suppress(
    connection: Connection, customer_id: str, channel: str, since: datetime, reason: str
) -> None:
    """Close a channel for a customer, until they consent to it after ``since``."""
    key = (suppressions.c.customer_id == customer_id, suppressions.c.channel == channel)
    connection.execute(delete(suppressions).where(*key, suppressions.c.since < to_micros(since)))
    if connection.execute(select(suppressions.c.since).where(*key)).first() is None:
        connection.execute(
            insert(suppressions).values(
                customer_id=customer_id, channel=channel, since=to_micros(since), reason=reason
            )
        )


def _owners(connection: Connection, customer_ids: Sequence[str], at: int) -> dict[str, str]:
    """Every id under which contacts with these customers stand, and whose it is at ``at``."""
    owner = {one: one for one in customer_ids}
    if joined := identities.linked_among(connection, customer_ids):
        people = identities.people_in(connection, set(joined.values()))
        for one in joined:
            owner |= {id_: one for kind, id_ in people.members(one, at) if kind == CUSTOMER}
    return owner


def _made(
    connection: Connection, customer_ids: Sequence[str], since: int, until: int, latest: int | None
) -> Iterator[tuple[str, Contact]]:
    """Our contacts, planned ones included, and messages in the log that are not ours."""
    ours: set[tuple[str, str]] = set()
    given = {"ids": customer_ids, "since": since, "until": until}
    query = _OURS
    if latest is not None:
        query, given["latest"] = _OURS_UNTIL, latest
    for row in connection.execute(query, given):
        ours |= {(row.decision_id, row.action_id), (row.decision_id, "")}
        if not row.released:
            yield row.customer_id, Contact(from_micros(row.at), row.channel, row.action_id)
    for row in connection.execute(_SENT, given):
        properties = json.loads(row.properties)
        action_id = properties.get("action_id")
        if (properties.get("decision_id"), action_id or "") not in ours:
            channel = row.channel.lower() if row.channel else None
            yield row.customer_id, Contact(from_micros(row.ts), channel, action_id)


def _closed(connection: Connection, owner: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Channels closed by feedback, unless the customer consented to them since."""
    for row in connection.execute(_SHUT, {"ids": list(owner)}).all():
        own = [one for one, whose in owner.items() if whose == owner[row.customer_id]]
        consented = select(events.c.event_id).where(
            events.c.customer_id.in_(own),
            events.c.ts > row.since,
            events.c.type == "consent_given",
            or_(events.c.channel.is_(None), func.lower(events.c.channel) == row.channel),
        )
        if connection.execute(consented.limit(1)).first() is None:
            yield row.customer_id, row.channel
