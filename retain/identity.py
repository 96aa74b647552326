"""Who an id is at a moment: anonymous ids and customer ids joined by links, as of any time.

A link makes an id (its *member*) part of a customer, from the link's own moment on and with
all of the member's history. The state at a moment is what the links up to then say, read in
the order of (ts, event_id), whenever they arrived: the latest link of an id wins, a link that
would close a circle takes the circle's oldest link away, and an unlink undoes the links
between its two ids as if they had never been, so that what was before holds again.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain.identity_links import ANONYMOUS, CUSTOMER, LINKS_SCHEMA, Link
from retain.identity_replay import Replay

FOREVER = 2**63 - 1

MEMBERSHIPS_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("from_us", pa.int64(), nullable=False),
        pa.field("until_us", pa.int64(), nullable=False),
        pa.field("member_kind", pa.string(), nullable=False),
        pa.field("member_id", pa.string(), nullable=False),
    ]
)
"""``member`` is part of the surviving ``customer_id`` during [``from_us``, ``until_us``)."""

COMPONENTS_SCHEMA = pa.schema(
    [
        pa.field("member_kind", pa.string(), nullable=False),
        pa.field("member_id", pa.string(), nullable=False),
        pa.field("component", pa.string(), nullable=False),
    ]
)

MembershipRow = tuple[str, int, int, str, str]


class Member(NamedTuple):
    """An id and what it is: the anonymous id ``7`` is not the customer id ``7``."""

    kind: str
    id: str


def memberships(links: pa.Table) -> pa.Table:
    """Who belongs to whom and when, of all that ever were joined (:data:`MEMBERSHIPS_SCHEMA`).

    A customer is a member of itself while others are; an id without a row at a moment is alone
    then. The number of rows grows with the number of links, whatever their order.
    """
    stars, rest = _split(links)
    first = stars.group_by("customer_id").aggregate([("ts", "min")])
    their = stars.column("customer_id"), stars.column("ts"), stars.column("member_id")
    themselves = first.column("customer_id"), first.column("ts_min"), first.column("customer_id")
    return pa.concat_tables(
        [
            membership_table(membership_rows(rest)),
            *(
                _from_columns(
                    [
                        customers,
                        since,
                        _repeated(FOREVER, len(ids)),
                        _repeated(kind, len(ids)),
                        ids,
                    ],
                    MEMBERSHIPS_SCHEMA,
                )
                for kind, (customers, since, ids) in ((CUSTOMER, themselves), (ANONYMOUS, their))
            ),
        ]
    )


def membership_rows(links: Iterable[Link]) -> list[MembershipRow]:
    """As :func:`memberships`, one link after the other: quicker for a few, slower for many."""
    rows: list[MembershipRow] = []
    for component in _components(sorted(links)).values():
        replay = Replay(FOREVER)
        for ts, told in groupby(component, key=lambda link: link.ts):
            for link in told:
                replay.take(link)
            replay.settle(ts)
        rows += replay.finish()
    return sorted(rows)


def membership_table(rows: Sequence[MembershipRow]) -> pa.Table:
    """``rows`` as a table of :data:`MEMBERSHIPS_SCHEMA`."""
    return _from_rows(rows, MEMBERSHIPS_SCHEMA)


def component_of(links: pa.Table) -> pa.Table:
    """Ids that were ever joined, directly or over others (:data:`COMPONENTS_SCHEMA`).

    ``component`` is one of its customer ids, the same for all of them; an id without a row is
    alone. Events of one component must be looked at together.
    """
    stars, rest = _split(links)
    rows = [
        (member.kind, member.id, name)
        for name, component in _components(rest).items()
        for member in sorted(_members(component))
    ]
    customers = pc.unique(stars.column("customer_id"))
    their = stars.column("member_id"), stars.column("customer_id")
    return pa.concat_tables(
        [
            _from_rows(rows, COMPONENTS_SCHEMA),
            *(
                _from_columns([_repeated(kind, len(ids)), ids, names], COMPONENTS_SCHEMA)
                for kind, (ids, names) in ((CUSTOMER, (customers, customers)), (ANONYMOUS, their))
            ),
        ]
    )


def _split(links: pa.Table) -> tuple[pa.Table, list[Link]]:
    """Stars (customers whose anonymous ids belong to no-one else), and all other links.

    Nearly all links are of stars, of which no history has to be told: each holds from its first
    telling on.
    """
    n = links.num_rows
    codes = _codes(
        pa.chunked_array(
            [*links.column("customer_id").chunks, *links.column("member_id").chunks], pa.string()
        )
    )
    customers, members = codes[:n], codes[n:]
    size = codes.max(initial=0) + 1
    one_of_its_customers = np.zeros(size, np.int64)
    one_of_its_customers[members] = customers
    leaf = links.column("linked").to_numpy() & pc.equal(
        links.column("member_kind"), ANONYMOUS
    ).to_numpy(zero_copy_only=False)
    plain = _all_of(members, leaf & (customers == one_of_its_customers[members]), size)
    # a customer is no star's where anything else is said of it
    star = plain & _all_of(customers, plain, size) & ~np.isin(customers, members[~leaf])
    order = np.lexsort((links.column("ts").to_numpy(), members))
    first = np.zeros(n, np.bool_)
    first[order[np.flatnonzero(np.diff(members[order], prepend=-1))]] = True
    rest = links.filter(pa.array(~star & (first | ~plain))).select(LINKS_SCHEMA.names)
    told = map(Link._make, zip(*(c.to_pylist() for c in rest.columns), strict=True))
    return links.filter(pa.array(star & first)), sorted(told)


def _all_of(groups: NDArray[np.int64], holds: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Where ``holds`` of every row of the group, (n,)."""
    broken = np.zeros(size, np.bool_)
    broken[groups[~holds]] = True
    return ~broken[groups]


def _codes(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    encoded = pc.dictionary_encode(ids, null_encoding="encode").combine_chunks()
    codes: NDArray[np.int64] = encoded.indices.to_numpy().astype(np.int64)
    return codes


def _repeated(value: str | int, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), times)


def _from_columns(columns: list[Any], schema: pa.Schema) -> pa.Table:
    return pa.table(columns, schema.names).cast(schema)


def _from_rows(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _components(links: list[Link]) -> dict[str, list[Link]]:
    """The links of each component, in order, under its least customer id."""
    parent: dict[Member, Member] = {}

    def top(member: Member) -> Member:
        while (above := parent.setdefault(member, member)) != member:
            parent[member] = member = parent[above]
        return member

    for link in links:
        if link.linked and link.customer_id is not None:
            left = top(Member(link.member_kind, link.member_id))
            right = top(Member(CUSTOMER, link.customer_id))
            # a customer's kind sorts after an anonymous id's: the top is a customer
            if left != right:
                first, second = sorted((left, right), key=_customers_first)
                parent[second] = first
    found: dict[str, list[Link]] = {}
    for link in links:
        member = Member(link.member_kind, link.member_id)
        if member in parent:  # what was never linked cannot be unlinked
            found.setdefault(top(member).id, []).append(link)
    return found


def _customers_first(member: Member) -> tuple[bool, str]:
    return member.kind != CUSTOMER, member.id


def _members(links: Iterable[Link]) -> set[Member]:
    found = set()
    for link in links:
        if link.linked and link.customer_id is not None:
            found |= {Member(link.member_kind, link.member_id), Member(CUSTOMER, link.customer_id)}
    return found
