"""The links in the event log, kept beside it so that one customer's are found at once.

Ids that were ever joined, directly or over others, share a *component*. All that is said about
who is who is said within one: :class:`retain.people.People` reads it as of any moment.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    String,
    Table,
    bindparam,
    select,
    update,
)

from retain.database import Id, in_parts, metadata, upsert
from retain.event import EVENT_SCHEMA
from retain.identity import Member
from retain.identity_links import ANONYMOUS, CUSTOMER, LINK_TYPES, Link, links_of
from retain.people import People
from retain.prepared import Prepared

identities = Table(
    "identities",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", Id, primary_key=True),
    Column("component", Id, nullable=False),
    Index("identities_by_component", "component"),
)
identity_links = Table(
    "identity_links",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("member_kind", String, primary_key=True),
    Column("member_id", Id, nullable=False),
    Column("customer_id", Id),
    Column("ts", BigInteger, nullable=False),
    Column("linked", Boolean, nullable=False),
    Column("component", Id, nullable=False),
    Index("identity_links_by_component", "component"),
)

# made once: for one customer, making a query takes longer than running it
_COMPONENTS = Prepared(
    select(identities.c.id, identities.c.component).where(
        identities.c.kind == bindparam("kind"),
        identities.c.id.in_(bindparam("ids", expanding=True)),
    )
)
_DECISIVE = frozenset(
    {
        "consent_given",
        "consent_withdrawn",
        "message_complained",
        "message_unsubscribed",
        "preferences_updated",
    }
)
_LINKS = Prepared(
    select(*(identity_links.c[name] for name in Link._fields)).where(
        identity_links.c.component.in_(bindparam("ids", expanding=True))
    )
)
_Row = Sequence[Any]
_ID, _TYPE, _OWN, _VISITOR, _TS, _PROPERTIES = (
    EVENT_SCHEMA.get_field_index(name)
    for name in ("event_id", "type", "customer_id", "anonymous_id", "ts", "properties")
)


@dataclass(frozen=True, slots=True)
class Touched:
    """Whose features new rows of the log may change.

    ``owners`` says which surviving customer the id a row came with belongs to; ``changed`` are
    those whose ids are others than before.
    """

    owners: Mapping[Member, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()

    def everybody(self) -> set[str]:
        """All of them."""
        return {*self.owners.values(), *self.changed}

    def by(self, rows: Sequence[_Row]) -> set[str]:
        """Those touched by some of the rows; of a link among them, by any link."""
        if not self.owners and not self.changed:
            return set()
        found = {who for row in rows if (who := self.owners.get(_owner(row))) is not None}
        return found | self.changed if self.changed and links_in(rows) else found


def links_in(rows: Iterable[_Row]) -> list[Link]:
    """The links that rows of the log say."""
    return [
        link
        for row in rows
        if row[_TYPE] in LINK_TYPES
        for link in links_of(
            row[_TS],
            row[_ID],
            row[_TYPE],
            customer_id=row[_OWN],
            anonymous_id=row[_VISITOR],
            properties=row[_PROPERTIES],
        )
    ]


def decisive(rows: Iterable[_Row]) -> list[_Row]:
    """The rows after which no answer may be as before: consent and wishes, and who is who."""
    return [row for row in rows if row[_TYPE] in _DECISIVE or links_in([row])]


def take(connection: Connection, rows: Sequence[_Row]) -> None:
    """Keep the links among new rows of the log; one writer at a time."""
    if links := links_in(rows):
        remember(connection, links)


def touched(connection: Connection, rows: Sequence[_Row]) -> Touched:
    """As :func:`take`; returns the customers whose features the new rows may change.

    They are the surviving ones: of an event of a joined id whoever has that id now, and of a
    link or unlink everybody whose ids are others than before.
    """
    own = {Member(CUSTOMER, row[_OWN]) for row in rows if row[_OWN]}
    links = links_in(rows)
    if not links and not any_known(connection):
        return Touched({member: member.id for member in own})
    nodes = {_member(link) for link in links}
    nodes |= {target for link in links if (target := _target(link)) is not None}
    owners = {_owner(row) for row in rows}
    people = before = people_of(connection, owners | nodes)
    if links:
        take(connection, rows)
        people = people_of(connection, owners | nodes)
    found = {one: people.whose(one) or (one.id if one in own else None) for one in owners}
    known = {one: who for one, who in found.items() if who is not None}
    return Touched(known, frozenset(people.changed_since(before)) if links else frozenset())


def remember(connection: Connection, links: Sequence[Link]) -> None:
    """Keep new links, and join the components they connect; one writer at a time."""
    pairs = [(_member(link), _target(link)) for link in links]
    nodes = {node for pair in pairs for node in pair if node is not None}
    known = _components(connection, nodes)
    top = {name: name for name in known.values()} | {_name(node): _name(node) for node in nodes}

    def component(node: Member) -> str:
        name = known.get(node, _name(node))
        while (above := top[name]) != name:
            top[name] = name = top[above]
        return name

    for left, right in pairs:
        if right is not None and (one := component(left)) != (other := component(right)):
            top[other] = one
    _rename(connection, {old: new for old in known.values() if (new := _top(top, old)) != old})
    fresh = [node for node in nodes if node not in known]
    _insert(
        connection,
        identities,
        [{"kind": n.kind, "id": n.id, "component": component(n)} for n in sorted(fresh)],
    )
    _insert(
        connection,
        identity_links,
        [{**link._asdict(), "component": component(_member(link))} for link in links],
    )


def people_of(connection: Connection, members: Collection[Member]) -> People:
    """What is known about these ids and all they were ever joined to."""
    return people_in(connection, set(_components(connection, members).values()))


def people_in(connection: Connection, components: Collection[str]) -> People:
    """What is known about the ids of these components."""
    found: list[Link] = []
    for names in in_parts(sorted(components)):
        found += [Link(*row) for row in _LINKS.rows(connection, {"ids": names})]
    return People(found)


def any_known(connection: Connection) -> bool:
    """Whether any id was ever joined to another."""
    return connection.execute(select(identities.c.id).limit(1)).first() is not None


def people_among(connection: Connection, customer_ids: Sequence[str]) -> People:
    """As :func:`people_of` customers, in one look."""
    columns = [identity_links.c[name] for name in Link._fields]
    found: set[Link] = set()
    for ids in in_parts(customer_ids):
        asked = select(identities.c.component).where(
            identities.c.kind == CUSTOMER, identities.c.id.in_(ids)
        )
        query = select(*columns).where(identity_links.c.component.in_(asked))
        found |= {Link(*row) for row in connection.execute(query)}
    return People(sorted(found))


def linked_among(connection: Connection, customer_ids: Sequence[str]) -> dict[str, str]:
    """Those of ``customer_ids`` that were ever joined, with their component."""
    members = [Member(CUSTOMER, one) for one in customer_ids]
    return {node.id: name for node, name in _components(connection, members).items()}


def _components(connection: Connection, nodes: Collection[Member]) -> dict[Member, str]:
    found: dict[Member, str] = {}
    for kind in (CUSTOMER, ANONYMOUS):
        for ids in in_parts(sorted(node.id for node in nodes if node.kind == kind)):
            for row in _COMPONENTS.rows(connection, {"kind": kind, "ids": ids}):
                found[Member(kind, row.id)] = row.component
    return found


def _rename(connection: Connection, names: dict[str, str]) -> None:
    for table in (identities, identity_links):
        for old, new in sorted(names.items()):
            connection.execute(update(table).where(table.c.component == old).values(component=new))


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(upsert(connection, table).on_conflict_do_nothing(), rows)


def _owner(row: _Row) -> Member:
    return Member(CUSTOMER, row[_OWN]) if row[_OWN] else Member(ANONYMOUS, row[_VISITOR])


def _member(link: Link) -> Member:
    return Member(link.member_kind, link.member_id)


def _target(link: Link) -> Member | None:
    return None if link.customer_id is None else Member(CUSTOMER, link.customer_id)


def _name(node: Member) -> str:
    return f"{node.kind}:{node.id}"


def _top(top: dict[str, str], name: str) -> str:
    while top[name] != name:
        name = top[name]
    return name
