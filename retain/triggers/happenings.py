"""Customers' events as triggers see them, read from the log under all the ids a customer has."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, func, select

from retain import identities
from retain.database import in_parts
from retain.identity import Member
from retain.identity_links import ANONYMOUS, CUSTOMER, links_of
from retain.logged import events
from retain.people import People
from retain.triggers.situations import Happening

_COLUMNS = tuple(
    events.c[name]
    for name in (
        "ts",
        "received_at",
        "type",
        "channel",
        "properties",
        "customer_id",
        "anonymous_id",
    )
)


@dataclass(frozen=True)
class Owners:
    """Which customer has which ids now.

    Attributes:
        survivors: the customers asked for, as whom they survive.
        members: per id, customer's or anonymous, whose it is.
    """

    survivors: tuple[str, ...]
    members: Mapping[Member, str]

    @classmethod
    def among(cls, connection: Connection, customer_ids: Collection[str]) -> Self:
        """Those of ``customer_ids`` and everybody they were ever joined to."""
        return cls.of(identities.people_among(connection, sorted(customer_ids)), customer_ids)

    @classmethod
    def of(cls, people: People, customer_ids: Iterable[str]) -> Self:
        """As ``people`` says, of ``customer_ids``."""
        survivors = sorted({people.customer(one) for one in customer_ids})
        members = {one: who for who in survivors for one in people.members(who)}
        return cls(tuple(survivors), members)

    def of_kind(self, kind: str) -> list[str]:
        """The ids of a kind."""
        return sorted(one.id for one in self.members if one.kind == kind)

    def ids(self, customer_id: str) -> list[str]:
        """The customer's ids of a surviving customer, the own one among them."""
        return sorted(
            one.id
            for one, who in self.members.items()
            if who == customer_id and one.kind == CUSTOMER
        )

    def alone(self, customer_id: str) -> "Owners":
        """One surviving customer of these."""
        own = {one: who for one, who in self.members.items() if who == customer_id}
        return Owners((customer_id,), own)


def happenings(
    connection: Connection,
    owners: Owners,
    types: Collection[str],
    since: int,
    read: Collection[str] = (),
) -> dict[str, list[Happening]]:
    """The events of these types after ``since``, by surviving customer.

    Properties are read of the types in ``read`` only.
    """
    found: dict[str, list[Happening]] = {}
    for kind, column in ((CUSTOMER, events.c.customer_id), (ANONYMOUS, events.c.anonymous_id)):
        for ids in in_parts(owners.of_kind(kind)):
            query = select(*_COLUMNS).where(
                column.in_(ids), events.c.ts > since, events.c.type.in_(sorted(types))
            )
            if kind == ANONYMOUS:
                query = query.where(events.c.customer_id.is_(None))
            for ts, at, kind_of, channel, properties, own, visitor in connection.execute(query):
                member = Member(CUSTOMER, own) if own else Member(ANONYMOUS, visitor)
                told = json.loads(properties) if kind_of in read else {}
                happening = Happening(ts, at, kind_of, channel, told)
                found.setdefault(owners.members[member], []).append(happening)
    return found


def last_before(
    connection: Connection, owners: Owners, types: Collection[str], until: int
) -> dict[str, int]:
    """When each surviving customer's last event of these types up to ``until`` was."""
    found: dict[str, int] = {}
    for kind, column in ((CUSTOMER, events.c.customer_id), (ANONYMOUS, events.c.anonymous_id)):
        for ids in in_parts(owners.of_kind(kind)):
            query = select(column, func.max(events.c.ts)).where(
                column.in_(ids), events.c.ts <= until, events.c.type.in_(sorted(types))
            )
            if kind == ANONYMOUS:
                query = query.where(events.c.customer_id.is_(None))
            for one, ts in connection.execute(query.group_by(column)):
                who = owners.members[Member(kind, one)]
                found[who] = max(ts, found.get(who, ts))
    return found


def any_since(connection: Connection, owners: Owners, types: Collection[str], since: int) -> bool:
    """Whether there is an event of these types at ``since`` or later."""
    return any(happenings(connection, owners, types, since - 1).values())


def customers_named(rows: Iterable[Sequence[Any]]) -> tuple[set[str], set[str]]:
    """The customer's and the anonymous ids in rows of (type, customer, visitor, properties).

    Of links also those that they name: their histories are others now.
    """
    customers: set[str] = set()
    visitors: set[str] = set()
    for kind, own, visitor, properties in rows:
        if own:
            customers.add(own)
        elif visitor:
            visitors.add(visitor)
        links = links_of(0, "", kind, customer_id=own, anonymous_id=visitor, properties=properties)
        for link in links:
            customers.update(one for one in (link.customer_id,) if one)
            (customers if link.member_kind == CUSTOMER else visitors).add(link.member_id)
    return customers, visitors


def owners_named(connection: Connection, customers: set[str], visitors: set[str]) -> Owners:
    """Whoever has these ids now, and whoever has what was ever joined to them."""
    members = {Member(CUSTOMER, one) for one in customers}
    members |= {Member(ANONYMOUS, one) for one in visitors}
    people = identities.people_of(connection, members)
    owned = {who for one in visitors if (who := people.whose(Member(ANONYMOUS, one)))}
    linked = {link.customer_id for link in people.links} | {
        link.member_id for link in people.links if link.member_kind == CUSTOMER
    }
    return Owners.of(people, customers | owned | {one for one in linked if one})
