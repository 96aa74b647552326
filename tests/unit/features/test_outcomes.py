from contextlib import closing
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.clock import to_micros
from retain.event import to_table
from retain.features.consent import PROFILING
from retain.features.engine import FeatureEngine, keys_of
from retain.features.outcomes import Outcomes
from retain.identity_links import LINK
from tests.event_tables import AS_OF, event
from tests.histories import CUSTOMERS, History, histories

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def may_be_profiled(row: dict) -> bool:
    return PROFILING.isdisjoint(row["withdrawn_purposes"] or ())


def rows(table: pa.Table) -> list[tuple]:
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=str)


@given(histories(most=20, linked=True), st.data())
@settings(max_examples=25, derandomize=True)
def test_orders_are_those_the_features_are_made_of(history: History, data: st.DataObject) -> None:
    events = history.events
    until = data.draw(st.sampled_from(sorted({one.ts for one in events} | {history.anchor})))
    with (
        closing(Outcomes(to_table(events), until)) as outcomes,
        FeatureEngine(to_table(events)) as engine,
    ):
        found = outcomes.orders()
        assert rows(found) == rows(engine.orders(until))
        features = engine.table(keys_of(CUSTOMERS, until)).to_pylist()
    for row in features:
        mine = [
            one
            for one in found.to_pylist()
            if (one["customer_id"], one["is_order"]) == (row["customer_id"], True)
        ]
        if may_be_profiled(row):
            assert row["orders_lifetime"] == len(mine)


@given(histories(most=20, linked=True), st.data())
@settings(max_examples=25, derandomize=True)
def test_activity_and_subscriptions_are_what_features_see_later(
    history: History, data: st.DataObject
) -> None:
    """The label at the end of a window is the feature there: one definition, told twice."""
    events = history.events
    moments = sorted({one.ts for one in events} | {history.anchor})
    at = data.draw(st.sampled_from(moments))
    end = at + 30 * DAY
    with (
        closing(Outcomes(to_table(events), end)) as outcomes,
        FeatureEngine(to_table(events)) as engine,
    ):
        active = outcomes.activity([at], 30).column("customer_id").to_pylist()
        told = outcomes.subscriptions().to_pylist()
        features = engine.table(keys_of(CUSTOMERS, end)).to_pylist()
    for row in features:
        if not may_be_profiled(row):
            continue
        last = row["visit_recency_at"]
        mine = sorted(
            (one["ts"], one["event_id"], one["is_active"])
            for one in told
            if one["customer_id"] == row["customer_id"]
        )
        assert row["subscription_active"] == (mine[-1][2] if mine else 0)
        assert (row["customer_id"] in active) == (last is not None and last > to_micros(at))


def test_only_the_first_activity_after_each_moment_is_told() -> None:
    visits = [event(n, "page_viewed", AS_OF + n * DAY, "ada") for n in (0, 1, 2, 5)]
    with closing(Outcomes(to_table(visits), AS_OF + 9 * DAY)) as outcomes:
        found = outcomes.activity([AS_OF, AS_OF + 1 * DAY + TICK, AS_OF + 2 * DAY], 3)
    assert [ts - AS_OF for ts in found.column("ts").to_pylist()] == [1 * DAY, 2 * DAY, 5 * DAY]


def test_what_is_sent_to_a_customer_is_no_activity_of_theirs() -> None:
    sent = [
        event(1, "message_sent", AS_OF + DAY, "ada"),
        event(2, "message_opened", AS_OF + DAY, "ada"),
    ]
    with closing(Outcomes(to_table(sent), AS_OF + 9 * DAY)) as outcomes:
        assert not outcomes.activity([AS_OF], 7).num_rows


def test_what_a_merged_customer_did_stands_under_each_of_its_ids(tmp_path) -> None:
    events = [
        event(1, "order_completed", AS_OF - 9 * DAY, "old", {"order_id": "o1", "total": 5.0}),
        event(2, LINK, AS_OF - 5 * DAY, "new", {"linked_id": "old", "link_type": "customer"}),
        event(3, "order_completed", AS_OF - 1 * DAY, "new", {"order_id": "o2", "total": 7.0}),
        event(4, "order_completed", AS_OF + 1 * DAY, "new", {"order_id": "o3", "total": 9.0}),
    ]
    pq.write_table(to_table(events), tmp_path / "events.parquet")
    with closing(Outcomes(str(tmp_path / "*.parquet"), AS_OF, spill=tmp_path)) as outcomes:
        found = [(one["customer_id"], float(one["value"])) for one in outcomes.orders().to_pylist()]
    assert found == [("new", 5.0), ("new", 7.0), ("old", 5.0), ("old", 7.0)]
    with closing(Outcomes(to_table(events), AS_OF - 6 * DAY)) as before:
        assert before.orders().column("customer_id").to_pylist() == ["old"]
