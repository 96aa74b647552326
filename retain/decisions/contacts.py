"""Contacts: planned, settled by what became of them, and read as the state limits are asked of."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)

from retain import identities
from retain.clock import from_micros, to_micros
from retain.database import Id, in_parts, metadata, reading
from retain.decisions import goals, messages, spending, suppressions
from retain.decisions.caps import Limiter
from retain.decisions.state import Contact, ContactState, Spent, is_released, is_reported, sent_at
from retain.identity_links import CUSTOMER
from retain.prepared import Prepared

# one row per (decision, action) that was reserved or reported as sent; rows without
# ``expires_at`` were made by others, or by a version that did not keep it
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
    Column("expires_at", BigInteger),
    Column("outcomes", Text),
    Index("contacts_by_customer", "customer_id", "at"),
)

LOOK_BACK_DAYS = 365

Row = Sequence[Any]
"""Of :data:`contacts`, its columns in their order."""

# made once: for one customer, making a query takes longer than running it
_ALL_OURS = select(contacts).where(
    contacts.c.customer_id.in_(bindparam("ids", expanding=True)),
    contacts.c.at > bindparam("since"),
)
_PLANNED = insert(contacts)
_OURS = Prepared(_ALL_OURS)
_OURS_UNTIL = Prepared(_ALL_OURS.where(contacts.c.made_at <= bindparam("latest")))


class Contacts:
    """Reads what limits are counted over: our own contacts, messages sent by others, budgets."""

    def __init__(self, engine: Engine, limiter: Limiter | None = None) -> None:
        self._engine = engine
        self._limiter = limiter

    def read(self, customer_ids: Sequence[str], now: datetime) -> dict[str, ContactState]:
        """The state of every customer who has one; the others had no contact in a year.

        What was decided after ``now``, and what closed or opened a channel, is not known then.
        """
        with reading(self._engine) as connection:
            return states(connection, customer_ids, now, self._limiter, decided_until=now)

    def of(self, customer_id: str, now: datetime) -> ContactState | None:
        """As :meth:`read`, of one customer."""
        return self.read((customer_id,), now).get(customer_id)


def states(
    connection: Connection,
    customer_ids: Sequence[str],
    now: datetime,
    limiter: Limiter | None = None,
    *,
    decided_until: datetime | None = None,
) -> dict[str, ContactState]:
    """As :meth:`Contacts.read`, within a transaction.

    Without ``decided_until`` everything decided counts: another process's clock may be
    ahead of ours, and its contact must not be overlooked when the next is reserved.
    """
    latest = None if decided_until is None else to_micros(decided_until)
    made: defaultdict[str, list[Contact]] = defaultdict(list)
    closed: defaultdict[str, set[str]] = defaultdict(set)
    reached: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    for ids in in_parts(customer_ids):
        owner = owners(connection, ids, to_micros(now))
        for one, contact in _made(connection, list(owner), now, latest):
            made[owner[one]].append(contact)
        for one, channel in suppressions.closed(connection, owner, latest):
            closed[owner[one]].add(channel)
        if wanted := goals.after(limiter, chain.from_iterable(made.values()), now):
            for row in goals.read(connection, list(owner), wanted, now):
                known, at = reached[owner[row.customer_id]], from_micros(row.ts)
                known[row.type] = max(at, known.get(row.type, at))
    spent = _spent(connection, limiter, now)
    whom = customer_ids if spent else made.keys() | closed.keys()
    return {
        one: ContactState(
            tuple(made.get(one, ())),
            frozenset(closed.get(one, ())),
            reached.get(one, {}),
            spent,
        )
        for one in whom
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
    expires_at: datetime | None = None,
    outcomes: Mapping[str, datetime] | None = None,
) -> None:
    """Count a contact decided at ``made_at`` that is to be made ``at`` this time.

    Until ``expires_at`` it may be made; without it, it was.
    """
    connection.execute(
        _PLANNED,
        {
            "decision_id": decision_id,
            "action_id": action_id,
            "customer_id": customer_id,
            "channel": channel,
            "at": to_micros(at),
            "made_at": to_micros(made_at),
            "released": False,
            "expires_at": None if expires_at is None else to_micros(expires_at),
            "outcomes": None if outcomes is None else _written(outcomes),
        },
    )


def settle(
    connection: Connection, decision_id: str, action_id: str, told: Mapping[str, datetime]
) -> dict[str, datetime] | None:
    """Add what was told of a planned contact, by outcome the first time of each.

    Returns all that is known of it now, or None where none was planned.
    """
    this = (contacts.c.decision_id == decision_id, contacts.c.action_id == action_id)
    query = select(contacts.c.outcomes).where(*this).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        return None
    known = _merged(_read(row.outcomes), told)
    at = sent_at(known)
    moved = {} if at is None else {"at": to_micros(at)}
    connection.execute(
        update(contacts)
        .where(*this)
        .values(released=is_released(known), outcomes=_written(known), **moved)
    )
    return known


def renew(connection: Connection, decision_id: str, action_id: str, at: datetime) -> None:
    """Count a contact again that was said not to be made; it is to be made ``at`` this time."""
    this = (contacts.c.decision_id == decision_id, contacts.c.action_id == action_id)
    known = _read(connection.scalar(select(contacts.c.outcomes).where(*this)))
    known.pop("not_sent", None)
    connection.execute(
        update(contacts)
        .where(*this)
        .values(released=False, outcomes=_written(known), at=to_micros(sent_at(known) or at))
    )


def sent(
    connection: Connection, pairs: Sequence[messages.Pair], now: datetime
) -> set[messages.Pair]:
    """Of these decisions and actions, those that the event log says were carried out."""
    found = set()
    for some in in_parts(pairs):
        query = select(contacts.c.customer_id).where(
            contacts.c.decision_id.in_([decision_id for decision_id, _ in some])
        )
        whom = list(dict.fromkeys(connection.scalars(query)))
        _, told = messages.read(connection, whom, some, now)
        found |= {pair for pair, outcomes in told.items() if is_reported(outcomes)}
    return found


def owners(connection: Connection, customer_ids: Sequence[str], at: int) -> dict[str, str]:
    """Every id under which contacts with these customers stand, and whose it is at ``at``."""
    owner = {one: one for one in customer_ids}
    if joined := identities.linked_among(connection, customer_ids):
        people = identities.people_in(connection, set(joined.values()))
        for one in joined:
            owner |= {id_: one for kind, id_ in people.members(one, at) if kind == CUSTOMER}
    return owner


def _made(
    connection: Connection, customer_ids: Sequence[str], now: datetime, latest: int | None
) -> list[tuple[str, Contact]]:
    """Our contacts, planned ones included, and messages in the log that are not ours."""
    given = {"ids": customer_ids, "since": to_micros(now - timedelta(days=LOOK_BACK_DAYS))}
    query = _OURS
    if latest is not None:
        query, given["latest"] = _OURS_UNTIL, latest
    rows = query.rows(connection, given)
    of_others, of_ours = messages.read(connection, customer_ids, pairs(rows), now)
    return [*of_others, *told(rows, of_ours)]


def pairs(rows: Iterable[Row]) -> set[messages.Pair]:
    """The decisions and actions of rows of :data:`contacts`."""
    return {(row[0], row[1]) for row in rows}


def told(
    rows: Iterable[Row], outcomes: Mapping[messages.Pair, Mapping[str, datetime]]
) -> Iterator[tuple[str, Contact]]:
    """The contacts of rows of :data:`contacts`, with what the log tells of them."""
    for decision_id, action_id, customer_id, *row in rows:
        yield customer_id, _contact(action_id, row, outcomes.get((decision_id, action_id)))


def _contact(action_id: str, row: Row, told: Mapping[str, datetime] | None) -> Contact:
    channel, at, made_at, released, expires_at, written = row
    outcomes = _read(written)
    if told:
        outcomes = _merged(outcomes, told)
    return Contact(
        sent_at(outcomes) or from_micros(at),
        channel,
        action_id,
        expires_at=None if expires_at is None else from_micros(expires_at),
        reported=expires_at is None or is_reported(outcomes),
        released=is_released(outcomes) if outcomes else bool(released),
        made_at=from_micros(made_at),
        outcomes=outcomes,
    )


def _spent(connection: Connection, limiter: Limiter | None, now: datetime) -> dict[str, Spent]:
    if limiter is None or not limiter.budgets:
        return {}
    return spending.read(connection, limiter.budgets.keys(now))


def _merged(known: Mapping[str, datetime], told: Mapping[str, datetime]) -> dict[str, datetime]:
    first = {name: min(at, known.get(name, at)) for name, at in told.items()}
    return {**known, **first}


def _read(text: str | None) -> dict[str, datetime]:
    if text is None:
        return {}
    return {name: from_micros(micros) for name, micros in json.loads(text).items()}


def _written(outcomes: Mapping[str, datetime]) -> str:
    micros = {name: to_micros(at) for name, at in outcomes.items()}
    return json.dumps(micros, separators=(",", ":"))
