"""Who an id is at a moment: what links say, however and in whatever order they came."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.event import Event, read_event, to_table
from retain.identity import FOREVER, component_of, memberships
from retain.identity_links import LINKS_SCHEMA, LINKS_SQL, Link, links_of, links_table

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CUSTOMERS = ("a", "b", "c", "d")
MEMBERS = [("customer", one) for one in CUSTOMERS] + [("anonymous", one) for one in "xya"]


def link(ts: int, member: str, customer: str | None, *, linked: bool = True, kind: str = "anonymous", event_id: str | None = None) -> Link:  # fmt: skip
    return Link(ts, event_id or f"e{ts}", linked, kind, member, customer)


def merge(ts: int, member: str, customer: str | None, *, linked: bool = True) -> Link:
    return link(ts, member, customer, linked=linked, kind="customer")


def who(links: Sequence[Link], at: int) -> dict[tuple[str, str], str]:
    """The customer each joined id is at a moment, as the memberships say it."""
    rows = memberships(links_table(links)).to_pylist()
    found = [r for r in rows if r["from_us"] <= at < r["until_us"]]
    held = {(r["member_kind"], r["member_id"]): r["customer_id"] for r in found}
    assert len(held) == len(found), "an id is one customer's at a time"
    return held


def slowly(links: Sequence[Link], at: int) -> dict[tuple[str, str], str]:
    """The rules as the docs tell them, followed one by one and from the start."""
    told: list[Link] = []
    for one in sorted(one for one in links if one.ts <= at):
        member = one.member_kind, one.member_id
        if one.linked:
            told.append(one)
        else:
            told = [
                t
                for t in told
                if (t.member_kind, t.member_id) != member
                or (one.customer_id is not None and t.customer_id != one.customer_id)
            ]
    holds: dict[tuple[str, str], tuple[int, str]] = {}
    for order, one in enumerate(told):
        holds[one.member_kind, one.member_id] = order, one.customer_id or ""
        seen, node = [], (one.member_kind, one.member_id)
        while node in holds and node not in seen:
            seen.append(node)
            node = ("customer", holds[node][1])
        if node in seen:
            circle = seen[seen.index(node) :]
            del holds[min(circle, key=lambda n: holds[n][0])]

    def top(customer: str) -> str:
        return top(holds["customer", customer][1]) if ("customer", customer) in holds else customer

    joined = {node: top(customer) for node, (_, customer) in holds.items()}
    return joined | {("customer", root): root for root in joined.values()}


_links = st.lists(
    st.builds(
        lambda ts, linked, member, customer: (ts, linked, member, customer),
        st.integers(1, 9),
        st.sampled_from([True, True, True, False]),
        st.sampled_from(MEMBERS),
        st.sampled_from(CUSTOMERS),
    ).filter(lambda told: told[2] != ("customer", told[3])),
    max_size=9,
).flatmap(
    lambda told: st.permutations(range(len(told))).map(
        lambda ids: [
            Link(ts, f"e{n}", linked, *member, None if not linked and ts == 9 else customer)
            for n, (ts, linked, member, customer) in zip(ids, told, strict=True)
        ]
    )
)


@given(_links, st.integers(0, 10))
def test_the_memberships_are_what_the_rules_say_at_any_moment(links: list[Link], at: int) -> None:
    assert who(links, at) == slowly(links, at)


@given(_links, st.randoms())
def test_the_order_of_arrival_changes_nothing(links: list[Link], random: Any) -> None:
    shuffled = random.sample(links, len(links))
    key = [(name, "ascending") for name in ("member_kind", "member_id", "from_us")]
    told, again = (memberships(links_table(one)).sort_by(key) for one in (links, shuffled))
    assert told.equals(again)


@given(_links, st.integers(1, 9))
def test_a_later_link_changes_nothing_before_it(links: list[Link], at: int) -> None:
    known = [one for one in links if one.ts <= at]
    assert who(links, at) == who(known, at)


@given(_links, st.sampled_from(MEMBERS), st.sampled_from(CUSTOMERS))
def test_a_link_undone_leaves_everything_as_it_was(
    links: list[Link], member: tuple[str, str], customer: str
) -> None:
    links = [one for one in links if (one.member_kind, one.member_id) != member]
    if member == ("customer", customer):
        return
    told = [Link(20, "told", True, *member, customer), Link(30, "undone", False, *member, customer)]
    assert who([*links, *told], 30) == who(links, 30)


@given(_links)
def test_a_component_holds_all_that_ever_were_joined(links: list[Link]) -> None:
    rows = component_of(links_table(links)).to_pylist()
    component = {(r["member_kind"], r["member_id"]): r["component"] for r in rows}
    assert len(component) == len(rows)
    assert all(("customer", name) in component for name in component.values())
    for at in range(10):
        for member, customer in who(links, at).items():
            assert component[member] == component["customer", customer]


def test_the_latest_link_of_an_id_wins() -> None:
    links = [link(1, "x", "a"), link(2, "x", "b")]
    assert who(links, 1) == {("anonymous", "x"): "a", ("customer", "a"): "a"}
    assert who(links, 2) == {("anonymous", "x"): "b", ("customer", "b"): "b"}


def test_undoing_the_latest_link_brings_the_earlier_back() -> None:
    links = [link(1, "x", "a"), link(2, "x", "b"), link(3, "x", "b", linked=False)]
    assert who(links, 3) == who(links, 1)


def test_a_merge_brings_along_what_was_merged_before() -> None:
    links = [link(1, "x", "a"), merge(2, "a", "b"), merge(3, "b", "c")]
    assert set(who(links, 3).values()) == {"c"}
    assert len(who(links, 3)) == 4


def test_a_circle_loses_its_oldest_link() -> None:
    links = [merge(1, "a", "b"), merge(2, "b", "c"), merge(3, "c", "a")]
    assert set(who(links, 2).values()) == {"c"}
    assert set(who(links, 3).values()) == {"a"}


def test_an_anonymous_id_is_not_the_customer_of_the_same_name() -> None:
    assert who([link(1, "b", "a")], 1) == {("anonymous", "b"): "a", ("customer", "a"): "a"}


def test_of_one_moment_only_what_holds_after_it_is_ever_seen() -> None:
    links = [link(1, "x", "a", event_id="1"), link(1, "x", "b", event_id="2")]
    rows = memberships(links_table(links)).to_pylist()
    assert {r["customer_id"] for r in rows} == {"b"}
    assert {(r["from_us"], r["until_us"]) for r in rows} == {(1, FOREVER)}


def test_a_link_told_again_and_again_is_one() -> None:
    links = [link(n, "x", "a") for n in range(5, 500)]
    rows = memberships(links_table(links)).to_pylist()
    assert [(r["member_kind"], r["from_us"]) for r in rows] == [("customer", 5), ("anonymous", 5)]


def test_an_account_many_devices_share_costs_one_row_each() -> None:
    links = [link(n, f"x{n}", "kiosk") for n in range(3_000)]
    links += [merge(n, f"c{n}", "kiosk") for n in range(3_000, 6_000)]
    assert memberships(links_table(links)).num_rows == 6_001


def test_no_links_are_no_memberships() -> None:
    nothing = LINKS_SCHEMA.empty_table()
    assert memberships(nothing).num_rows == component_of(nothing).num_rows == 0


def read(record: dict[str, Any]) -> Event:
    event = read_event({"timestamp": "2026-11-01T00:00:00Z", "event_id": "e", **record}, NOW)
    assert isinstance(event, Event)
    return event


EVERY = [
    ({"type": "identity_linked", "customer_id": "a", "anonymous_id": "x"}, [(True, "anonymous", "x", "a")]),
    ({"type": "identity_linked", "customer_id": "a", "anonymous_id": "x", "linked_id": "y"}, [(True, "anonymous", "y", "a")]),
    ({"type": "identity_linked", "customer_id": "a", "linked_id": "b", "link_type": "customer"}, [(True, "customer", "b", "a")]),
    ({"type": "identity_linked", "customer_id": "a", "linked_id": "b", "link_type": "login"}, [(True, "anonymous", "b", "a")]),
    ({"type": "identity_linked", "customer_id": "a", "linked_id": "b", "link_type": "Either"}, [(True, "anonymous", "b", "a"), (True, "customer", "b", "a")]),
    ({"type": "identity_linked", "customer_id": "a", "linked_id": "a", "link_type": "customer"}, []),
    ({"type": "identity_linked", "customer_id": "a", "anonymous_id": "x", "link_type": "customer"}, []),
    ({"type": "identity_linked", "anonymous_id": "x", "linked_id": "y"}, []),
    ({"type": "identity_linked", "customer_id": "a", "linked_id": "", "anonymous_id": "x"}, [(True, "anonymous", "x", "a")]),
    ({"type": "identity_unlinked", "customer_id": "a", "linked_id": "b"}, [(False, "anonymous", "b", "a"), (False, "customer", "b", "a")]),
    ({"type": "identity_unlinked", "customer_id": "a", "linked_id": "b", "link_type": "customer"}, [(False, "customer", "b", "a")]),
    ({"type": "identity_unlinked", "anonymous_id": "x"}, [(False, "anonymous", "x", None)]),
    ({"type": "profile_updated", "customer_id": "a", "anonymous_id": "x"}, [(True, "anonymous", "x", "a")]),
    ({"type": "profile_updated", "customer_id": "a"}, []),
    ({"type": "page_viewed", "customer_id": "a", "anonymous_id": "x"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("record", "said"), EVERY)
def test_an_event_says_the_same_links_alone_and_in_a_table(
    record: dict[str, Any], said: list[tuple[Any, ...]]
) -> None:
    event = read(record)
    ts = (event.ts - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    alone = links_of(
        ts,
        event.event_id,
        event.type,
        customer_id=event.customer_id,
        anonymous_id=event.anonymous_id,
        properties=json.dumps(dict(event.properties)),
    )
    assert [tuple(one[2:]) for one in alone] == said
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("events", to_table([event]))
        together = connection.sql(LINKS_SQL.format(events="events")).to_arrow_table()
    assert (
        together.cast(LINKS_SCHEMA)
        .sort_by("member_kind")
        .equals(links_table(sorted(alone, key=lambda one: one.member_kind)))
    )
