"""What the next items learn from, and the rules they are judged against."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain.clock import to_micros
from training import items_data, items_rules, items_tables

START = datetime(2024, 1, 1, tzinfo=UTC)


def interactions(*rows):
    """Rows of (customer, day, kind, event, product[, category[, price]])."""
    names = ("customer_id", "ts", "kind", "event_id", "product_id", "category", "price")
    padded = [(*row, *([None] * (7 - len(row)))) for row in rows]
    columns = list(zip(*padded, strict=True))
    columns[1] = [START + timedelta(days=day) for day in columns[1]]
    types = [pa.string()] * 7
    types[1], types[6] = pa.timestamp("us", "UTC"), pa.float64()
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return items_data.read(pa.table(arrays, names=names))


def at(day):
    return START + timedelta(days=day)


SHOP = interactions(
    ("ada", 1, "order", "o1", "a", "mugs", 10.0),
    ("ada", 1, "order", "o1", "b", "mugs", 20.0),
    ("bob", 2, "order", "o2", "a", "mugs", 12.0),
    ("bob", 2, "order", "o2", "b", "mugs", 20.0),
    ("ada", 3, "order", "o3", "a", "mugs", 11.0),
    ("cy", 4, "view", "v1", "c"),
    ("cy", 4, "view", "v2", "d"),
    ("ada", 20, "order", "o4", "c", "tea", 5.0),
    ("ada", 20, "order", "o4", "a", "mugs", 11.0),
    ("ada", 25, "order", "o5", "d", "tea", 5.0),
    ("new", 26, "order", "o6", "a", "mugs", 11.0),
)


def test_tables_know_nothing_that_came_later() -> None:
    early = items_tables.build(SHOP, to_micros(at(10)))
    only_early = interactions(
        ("ada", 1, "order", "o1", "a", "mugs", 10.0),
        ("ada", 1, "order", "o1", "b", "mugs", 20.0),
        ("bob", 2, "order", "o2", "a", "mugs", 12.0),
        ("bob", 2, "order", "o2", "b", "mugs", 20.0),
        ("ada", 3, "order", "o3", "a", "mugs", 11.0),
        ("cy", 4, "view", "v1", "c"),
        ("cy", 4, "view", "v2", "d"),
    )
    assert early.to_json() == items_tables.build(only_early, to_micros(at(10))).to_json()


def test_tables_count_buyers_prices_and_what_is_bought_and_looked_at_together() -> None:
    made = items_tables.build(SHOP, to_micros(at(10)))
    assert made.product_ids == ("a", "b", "c", "d")
    assert made.recent.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert made.repeated.tolist() == [0.5, 0.0, 0.0, 0.0]
    assert made.price[:2].tolist() == [11.0, 20.0]
    assert made.bought_with[0, 0] == 1
    assert made.viewed_with[2, 0] == 3
    assert made.categories == ("mugs",)
    assert made.category.tolist() == [0, 0, 1, 1]


def test_the_next_order_is_the_first_after_the_cutoff_of_whoever_was_known() -> None:
    asked = items_data.next_orders(SHOP, [at(10)], 30, 100, 7)
    assert [SHOP.customer_ids[one] for one in asked.customers] == ["ada"]
    assert {SHOP.product_ids[one] for one in asked.products} == {"a", "c"}
    assert {SHOP.category_names[one] for one in asked.categories} == {"mugs", "tea"}
    assert asked.size().tolist() == [2.0]


def test_an_order_beyond_the_horizon_is_none() -> None:
    assert len(items_data.next_orders(SHOP, [at(10)], 5, 100, 7)) == 0


def test_no_more_orders_are_drawn_than_were_asked_for_and_always_the_same() -> None:
    cutoffs = [at(day) for day in (0.5, 1.5, 2.5, 10, 22)]
    some = items_data.next_orders(SHOP, cutoffs, 30, 2, 7)
    again = items_data.next_orders(SHOP, cutoffs, 30, 2, 7)
    assert len(some) == 2
    np.testing.assert_array_equal(some.customers, again.customers)


def test_the_most_frequent_are_counted_in_orders_and_the_newest_breaks_a_tie() -> None:
    asked = items_data.next_orders(SHOP, [at(22)], 30, 100, 7)
    rows, products, places = items_rules.most_frequent(SHOP, asked)
    assert rows.tolist() == [0, 0, 0]
    assert [SHOP.product_ids[one] for one in products] == ["a", "c", "b"]
    assert places.tolist() == [0, 1, 2]


def test_recall_and_ndcg_of_a_list_are_what_their_definitions_say() -> None:
    asked = items_data.next_orders(SHOP, [at(10)], 30, 100, 7)
    rows, places = np.array([0, 0]), np.array([0, 1])
    hits = np.array([0.0, 1.0])
    assert items_rules.recall(asked, rows, hits).tolist() == [0.5]
    best = 1.0 + 1.0 / np.log2(3)
    assert items_rules.ndcg(asked, rows, places, hits) == pytest.approx([(1 / np.log2(3)) / best])


def test_customers_left_out_are_in_nothing() -> None:
    table = pa.table(
        {
            "customer_id": ["bot", "ada"],
            "ts": pa.array([at(1), at(2)], pa.timestamp("us", "UTC")),
            "kind": ["order", "order"],
            "event_id": ["1", "2"],
            "product_id": ["a", "b"],
            "category": pa.array([None, None], pa.string()),
            "price": [1.0, 2.0],
        }
    )
    assert items_data.read(table, {"bot"}).product_ids == ("b",)
