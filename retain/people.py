"""Some people as their links say: who an id is at a moment, and which ids a customer has."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from retain.clock import from_micros, iso
from retain.identity import (
    FOREVER,
    Member,
    MembershipRow,
    membership_rows,
    membership_table,
    memberships,
)
from retain.identity_links import CUSTOMER, Link, links_table

LATEST = FOREVER - 1
"""The moment after everything that was told."""


class Identity(NamedTuple):
    """An id of a customer, since when (epoch microseconds), and the link it is so by."""

    since: int
    kind: str
    id: str
    link: Link

    def as_json(self) -> dict[str, str | None]:
        """As the service and the command line show it."""
        return {
            "kind": self.kind,
            "id": self.id,
            "since": iso(from_micros(self.since)),
            "event_id": self.link.event_id,
            "linked_to": self.link.customer_id,
        }


class People:
    """What the links of whole components say.

    Attributes:
        links: the links themselves.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = tuple(links)
        self._rows = _rows(links)
        self._of_member: dict[Member, list[tuple[int, int, str]]] = {}
        self._of_customer: dict[str, list[tuple[int, int, Member]]] = {}
        for customer_id, start, until, kind, member_id in self._rows:
            member = Member(kind, member_id)
            self._of_member.setdefault(member, []).append((start, until, customer_id))
            self._of_customer.setdefault(customer_id, []).append((start, until, member))

    @property
    def memberships(self) -> pa.Table:
        """What the links come to (:data:`retain.identity.MEMBERSHIPS_SCHEMA`)."""
        return membership_table(self._rows)

    def __bool__(self) -> bool:
        """Whether anybody was ever joined to anybody."""
        return bool(self._of_member)

    def customer(self, customer_id: str, at: int = LATEST) -> str:
        """The surviving customer this id is at ``at`` (epoch microseconds): often itself."""
        return self.whose(Member(CUSTOMER, customer_id), at) or customer_id

    def whose(self, member: Member, at: int = LATEST) -> str | None:
        """The customer that has this id at ``at``, None where it is alone."""
        held = self._of_member.get(member, ())
        return next((one for start, until, one in held if start <= at < until), None)

    def members(self, customer_id: str, at: int = LATEST) -> set[Member]:
        """The ids of a surviving customer at ``at``, its own among them."""
        held = self._of_customer.get(customer_id, ())
        return {Member(CUSTOMER, customer_id)} | {
            member for start, until, member in held if start <= at < until
        }

    def since(self, member: Member, at: int = LATEST) -> int | None:
        """Since when this id is who it is at ``at``, None where it is alone."""
        held = self._of_member.get(member, ())
        return next((start for start, until, _ in held if start <= at < until), None)

    def told_by(self, member: Member, at: int = LATEST) -> Link | None:
        """The link that ``member`` is who it is by at ``at``: its latest that still holds."""
        holds: list[Link] = []
        for link in sorted(one for one in self.links if one.ts <= at):
            if Member(link.member_kind, link.member_id) == member:
                if link.linked:
                    holds.append(link)
                else:
                    holds = [
                        one for one in holds if link.customer_id not in (None, one.customer_id)
                    ]
        return holds[-1] if holds else None

    def survivors(self, customer_ids: Iterable[str], at: int = LATEST) -> dict[str, str]:
        """Those of ``customer_ids`` that are another customer at ``at``, and which."""
        found = {one: self.customer(one, at) for one in customer_ids}
        return {one: survivor for one, survivor in found.items() if survivor != one}

    def identities(self, customer_id: str, at: int = LATEST) -> list["Identity"]:
        """The other ids of a surviving customer at ``at``, oldest first."""
        others = self.members(customer_id, at) - {Member(CUSTOMER, customer_id)}
        found = []
        for member in others:
            link = self.told_by(member, at)
            assert link is not None  # noqa: S101 - nobody is a member without a link
            found.append(Identity(self.since(member, at) or link.ts, *member, link))
        return sorted(found)

    def changed_since(self, before: "People") -> set[str]:
        """Surviving customers whose ids are others than they were to ``before``."""
        named = {link.customer_id for link in self.links} | {
            link.member_id for link in self.links if link.member_kind == CUSTOMER
        }
        return {
            one
            for one in named - {None}
            if one is not None
            and self.customer(one) == one
            and (before.customer(one) != one or self.members(one) != before.members(one))
        }


def _rows(links: Sequence[Link]) -> list[MembershipRow]:
    if len(links) <= _FEW:
        return membership_rows(links)
    table = memberships(links_table(links))
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


_FEW = 2_000
