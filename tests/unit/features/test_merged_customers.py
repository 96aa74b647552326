"""A merged customer's features are as if it had been one customer all along."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.clock import to_micros
from retain.event import Event, to_table
from retain.features.engine import (
    FEATURE_SCHEMA,
    FeatureEngine,
    keys_of,
    view_schema,
)
from retain.features.resident import ResidentEngine
from retain.identity import memberships
from retain.identity_links import LINK, LINK_TYPES, UNLINK, Link, links_of, links_table
from retain.properties import encode
from tests.event_tables import AS_OF, event
from tests.histories import CUSTOMERS, DAY, History, histories

HOUR = timedelta(hours=1)


def order(number: int, at: datetime, who: str | None, **more: Any) -> Event:
    sold = {"order_id": f"o{number}", "total": 10.0 * number, "currency": "GBP"}
    return event(number, "order_completed", at, who, sold, **more)


def linked(at: datetime, into: str, member: str, kind: str = "customer", *, undo: bool = False) -> Event:  # fmt: skip
    properties = {"linked_id": member, "link_type": kind}
    return event(hash((into, member)) % 1000, UNLINK if undo else LINK, at, into, properties)


def who_at(events: Sequence[Event], at: datetime) -> dict[tuple[str, str], str]:
    links: list[Link] = []
    for one in events:
        links += links_of(
            to_micros(one.ts),
            one.event_id,
            one.type,
            customer_id=one.customer_id,
            anonymous_id=one.anonymous_id,
            properties=encode(one.properties),
        )
    return {
        (row["member_kind"], row["member_id"]): row["customer_id"]
        for row in memberships(links_table(links)).to_pylist()
        if row["from_us"] <= to_micros(at) < row["until_us"]
    }


def rewritten(events: Sequence[Event], at: datetime) -> list[Event]:
    """The log as it would be, had every id been the customer it is at a moment."""
    who = who_at(events, at)
    found = []
    for one in events:
        if one.type in LINK_TYPES[:2]:
            continue
        owner = (
            ("customer", one.customer_id) if one.customer_id else ("anonymous", one.anonymous_id)
        )
        customer = who.get(owner, one.customer_id)  # type: ignore[arg-type]
        found.append(
            replace(one, customer_id=customer, anonymous_id=None if customer else "nobody")
        )
    return found


def features(events: Sequence[Event], ids: Sequence[str], at: datetime) -> pa.Table:
    with FeatureEngine(to_table(events)) as engine:
        return engine.table(keys_of(ids, at))


def value(table: pa.Table, name: str) -> list[Any]:
    found: list[Any] = table.column(name).to_pylist()
    return found


@given(histories(most=20, linked=True), st.data())
@settings(max_examples=25, derandomize=True)
def test_features_are_those_of_a_log_with_one_id_from_the_start(
    history: History, data: st.DataObject
) -> None:
    events = history.events
    moments = sorted({one.ts for one in events} | {history.anchor})
    at = data.draw(st.sampled_from(moments))
    who = who_at(events, at)
    ids = [who.get(("customer", one), one) for one in CUSTOMERS]
    expected = features(rewritten(events, at), sorted(set(ids)), at)
    rows = {one: n for n, one in enumerate(sorted(set(ids)))}
    expected = expected.take(pa.array([rows[one] for one in ids]))
    expected = expected.set_column(0, FEATURE_SCHEMA.field(0), pa.array(CUSTOMERS))
    table = to_table(events)
    found = features(events, CUSTOMERS, at)
    assert found.to_pylist() == expected.to_pylist()
    with FeatureEngine(table) as engine:
        known = [one["customer_id"] for one in engine.customers(at).to_pylist()]
        # several moments share one engine
        other = data.draw(st.sampled_from(moments))
        both = pa.concat_tables([keys_of(CUSTOMERS, other), keys_of(CUSTOMERS, at)])
        assert engine.table(both).slice(len(CUSTOMERS)).to_pylist() == expected.to_pylist()
    assert known == sorted({who.get(("customer", one), one) for one in _seen(events, at)})


def _seen(events: Sequence[Event], at: datetime) -> set[str]:
    return {one.customer_id for one in events if one.ts <= at and one.customer_id}


RESIDENT = ResidentEngine()


def test_orders_of_both_ids_are_one_customers_from_the_merge_on() -> None:
    merged = AS_OF - 10 * DAY
    events = [
        order(1, AS_OF - 40 * DAY, "old"),
        order(2, AS_OF - 20 * DAY, "new"),
        order(3, AS_OF - DAY, "new"),
        linked(merged, "new", "old"),
    ]
    before = features(events, ["new", "old"], merged - timedelta(microseconds=1))
    assert value(before, "orders_lifetime") == [1, 1]
    after = features(events, ["new", "old"], merged)
    assert value(after, "orders_lifetime") == [2, 2]
    assert value(features(events, ["old", "new"], AS_OF), "orders_lifetime") == [3, 3]


def test_an_order_told_by_both_ids_within_a_day_is_one_order() -> None:
    events = [
        order(1, AS_OF - 2 * HOUR, "old"),
        order(1, AS_OF - HOUR, "new"),
        linked(AS_OF, "new", "old"),
    ]
    assert value(features(events, ["new"], AS_OF), "orders_lifetime") == [1]
    assert value(features(events, ["new"], AS_OF - HOUR), "orders_lifetime") == [1]


def test_what_was_browsed_before_signing_in_joins_the_customer() -> None:
    events = [
        event(1, "product_viewed", AS_OF - 2 * HOUR, None, {"product_id": "p1"}, anonymous_id="v"),
        event(2, "signed_up", AS_OF - HOUR, "c"),
        linked(AS_OF - HOUR, "c", "v", "anonymous"),
        event(3, "product_viewed", AS_OF, None, {"product_id": "p2"}, anonymous_id="v"),
    ]
    assert value(features(events, ["c"], AS_OF), "last_viewed") == [["p2", "p1"]]
    assert value(features(events, ["c"], AS_OF - HOUR), "last_viewed") == [["p1"]]


def test_a_profile_update_with_both_ids_is_a_link() -> None:
    events = [
        event(1, "product_viewed", AS_OF - 2 * HOUR, None, {"product_id": "p1"}, anonymous_id="v"),
        event(2, "profile_updated", AS_OF, "c", {"country": "DE"}, anonymous_id="v"),
    ]
    assert value(features(events, ["c"], AS_OF), "last_viewed") == [["p1"]]


def test_a_merge_undone_leaves_the_features_as_they_were() -> None:
    events = [order(1, AS_OF - 40 * DAY, "old"), order(2, AS_OF - 20 * DAY, "new")]
    merge, undo = linked(AS_OF - DAY, "new", "old"), linked(AS_OF, "new", "old", undo=True)
    told = features([*events, merge, undo], ["old", "new"], AS_OF)
    assert told.equals(features(events, ["old", "new"], AS_OF))


def test_an_id_merged_away_is_no_customer_of_its_own() -> None:
    events = [
        order(1, AS_OF - 40 * DAY, "old"),
        event(2, "page_viewed", AS_OF - DAY, "new"),
        linked(AS_OF, "new", "old"),
        order(3, AS_OF - 20 * DAY, "other"),
    ]
    with FeatureEngine(to_table(events)) as engine:
        every = engine.customers(AS_OF).column("customer_id").to_pylist()
        recent = engine.customers(AS_OF, ordered_within_days=90).column("customer_id").to_pylist()
        earlier = engine.customers(AS_OF - HOUR, ordered_within_days=90)
    assert every == recent == ["new", "other"]
    assert earlier.column("customer_id").to_pylist() == ["old", "other"]


def test_what_a_merged_customer_bought_stands_under_each_of_its_ids() -> None:
    events = [
        order(1, AS_OF - 40 * DAY, "old"),
        order(2, AS_OF - 20 * DAY, "new"),
        order(3, AS_OF - 10 * DAY, None, anonymous_id="v"),
        linked(AS_OF - DAY, "new", "old"),
        linked(AS_OF, "new", "v", "anonymous"),
    ]
    with FeatureEngine(to_table(events)) as engine:
        now, then = engine.orders(AS_OF), engine.orders(AS_OF - HOUR)
    assert [row["value"] for row in now.to_pylist() if row["customer_id"] == "old"] == [10, 20, 30]
    assert value(now, "customer_id") == ["new"] * 3 + ["old"] * 3
    assert [(row["customer_id"], row["value"]) for row in then.to_pylist()] == [
        ("new", 10), ("new", 20), ("old", 10), ("old", 20)
    ]  # fmt: skip


@pytest.mark.parametrize("purpose", ["profiling", "all", None])
def test_of_who_withdrew_only_the_profile_is_computed(purpose: str | None) -> None:
    told = {"purpose": purpose} if purpose else {}
    events = [
        order(1, AS_OF - 40 * DAY, "c"),
        order(2, AS_OF - 40 * DAY, "d"),
        event(3, "profile_updated", AS_OF - 30 * DAY, "c", {"country": "DE"}),
        event(4, "consent_withdrawn", AS_OF, "c", told, channel=None),
        event(5, "consent_given", AS_OF + HOUR, "c", told, channel=None),
    ]
    before, at, again = (
        features(events, ["c", "d"], when)
        for when in (AS_OF - timedelta(microseconds=1), AS_OF, AS_OF + HOUR)
    )
    assert value(before, "orders_lifetime") == [1, 1]
    assert value(at, "orders_lifetime") == [0, 1]
    assert value(at, "country") == ["DE", None]
    assert value(at, "order_recency_at")[0] is None
    assert value(at, "orders_valid_until")[0] is None
    assert value(again, "orders_lifetime") == [1, 1]


@pytest.mark.parametrize(("first", "then"), [({"purpose": "all"}, {}), ({}, {"purpose": "all"})])
def test_no_named_purpose_is_every_purpose(first: dict[str, str], then: dict[str, str]) -> None:
    events = [
        order(1, AS_OF - DAY, "c"),
        event(2, "consent_withdrawn", AS_OF - HOUR, "c", first, channel=None),
        event(3, "consent_given", AS_OF, "c", then, channel=None),
    ]
    assert value(features(events, ["c"], AS_OF - HOUR), "orders_lifetime") == [0]
    assert value(features(events, ["c"], AS_OF), "orders_lifetime") == [1]


def test_where_profiling_was_withdrawn_does_not_matter() -> None:
    told = {"purpose": "Profiling"}
    events = [
        order(1, AS_OF - DAY, "c"),
        event(2, "consent_withdrawn", AS_OF - HOUR, "c", told, channel="web"),
        event(3, "consent_given", AS_OF, "c", told, channel="app"),
    ]
    assert value(features(events, ["c"], AS_OF - HOUR), "orders_lifetime") == [0]
    assert value(features(events, ["c"], AS_OF), "orders_lifetime") == [1]


def test_who_withdrew_for_marketing_alone_is_computed() -> None:
    told = {"purpose": "marketing"}
    events = [
        order(1, AS_OF - DAY, "c"),
        event(2, "consent_withdrawn", AS_OF, "c", told, channel=None),
    ]
    assert value(features(events, ["c"], AS_OF), "orders_lifetime") == [1]


def test_a_resident_engine_forgets_who_withdrew() -> None:
    events = [order(1, AS_OF - DAY, "c"), order(2, AS_OF - DAY, "d")]
    gone = event(3, "consent_withdrawn", AS_OF, "c", {}, channel=None)
    keys = keys_of(["c", "d"], AS_OF)
    first = RESIDENT.table(to_table(events), keys)
    RESIDENT.table(to_table([*events, gone]), keys)
    assert RESIDENT.table(to_table(events), keys).equals(first)


def test_views_asked_for_alone_are_those_of_the_whole_table() -> None:
    gone = event(9, "consent_withdrawn", AS_OF, "d", {}, channel=None)
    events = [order(n, AS_OF - n * DAY, "cde"[n % 3]) for n in range(1, 9)]
    table = to_table([*events, gone])
    whole = RESIDENT.table(table, keys_of(["c", "d", "e"], AS_OF))
    wanted = {"profile": ["c", "d", "e"], "orders": ["e", "d"], "activity": ["c"]}
    found = RESIDENT.views(table, wanted, AS_OF)
    places = {"c": 0, "d": 1, "e": 2}
    for view, ids in wanted.items():
        expected = whole.select(view_schema(view).names).take([places[one] for one in ids])
        assert found[view].to_pylist() == expected.to_pylist()
