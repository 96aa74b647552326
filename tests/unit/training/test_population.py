from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from training import population

AT = datetime(2025, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIME = pa.timestamp("us", "UTC")


def told(*rows, **more):
    return pa.table(
        {
            "customer_id": pa.array([one for one, _ in rows], pa.string()),
            "ts": pa.array([AT - days * DAY for _, days in rows], TIME),
            "is_order": pa.array([True] * len(rows), pa.bool_()),
            **more,
        }
    )


def who(orders, label="no_order", subscriptions=None, moments=(AT,)):
    found = population.candidates(moments, orders, subscriptions, label)
    return [ids.to_pylist() for ids in found]


def test_candidates_have_an_order_in_the_year_before():
    assert who(told(("new", -1), ("at once", 0), ("late", 364.9), ("gone", 365))) == [
        ["at once", "late"]
    ]


def test_each_moment_has_candidates_of_its_own():
    orders = told(("old", 300), ("new", 10))
    assert who(orders, moments=(AT - 100 * DAY, AT, AT + 100 * DAY)) == [
        ["old"],
        ["new", "old"],
        ["new"],
    ]


def test_a_return_makes_no_candidate():
    assert who(told(("back", 5)).set_column(2, "is_order", pa.array([False]))) == [[]]


def test_any_buyer_may_be_active_and_any_subscriber_may_leave():
    orders = told(("gone", 500))
    assert who(orders, "no_activity") == [["gone"]]
    words = told(("ann", 700), ("later", -3)).drop_columns(["is_order"])
    assert who(orders, "subscription_not_renewed", words) == [["ann"]]


ids = st.lists(st.text(alphabet="abc0123456789", min_size=1, max_size=6), unique=True, max_size=60)


@given(ids, ids)
def test_a_customer_is_drawn_at_every_cutoff_or_at_none(some, others):
    people = [pa.array(some, pa.string()), pa.array(others, pa.string())]
    drawn, share = population.draw(people, max(1, (len(some) + len(others)) // 2))
    kept = {one for part in drawn for one in part.to_pylist()}
    assert 0 < share <= 1
    for whole, part in zip(people, drawn, strict=True):
        assert part.to_pylist() == [one for one in whole.to_pylist() if one in kept]


def test_about_as_many_are_drawn_as_fit():
    people = [pa.array([f"c{n}" for n in range(10_000)])]
    drawn, share = population.draw(people, 2_500)
    assert share == 0.25
    assert abs(len(drawn[0]) - 2_500) < 200
    assert population.draw(people, 10_000)[0] == people
