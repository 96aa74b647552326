"""Candidates: where they come from, what is seen of them, and what they are to the customer."""

import json

import numpy as np
import pytest

from retain.items import candidates, categories, relations
from retain.items.candidates import CHANNELS, FEATURES
from retain.items.tables import ItemTables
from tests.tiny_items import histories, tables

BUYER = {
    "bought_products": ["3 2024-02-20 a", "1 2024-01-31 gone", "1 2023-12-01 e"],
    "bought_categories": ["4 2024-02-20 mugs", "1 2023-12-01 tea"],
}
LOOKER = {"last_viewed": ["e"], "open_cart": ["c"], "orders_lifetime": 0.0}
FLAT = np.zeros(len(candidates.COARSE))


def found(*rows, of=None, coarse=None, kept=candidates.KEPT):
    known = histories(*rows, of=of)
    return known, candidates.find(known, of or tables(), coarse, kept)


def ids(each, row=0):
    names = tables().product_ids
    return {names[product] for product in each.products[each.rows == row]}


def seen(each, known, product, feature, row=0):
    place = tables().product_ids.index(product)
    at = np.flatnonzero((each.rows == row) & (each.products == place))
    return candidates.matrix(each, known, tables())[at, FEATURES.index(feature)].item()


def test_a_history_says_how_often_and_how_long_ago() -> None:
    known = histories(BUYER)
    assert known.products[0, :3].tolist() == [0, known.nothing, 4]
    assert known.times[0, :3].tolist() == [3, 1, 1]
    assert known.ages[0, :3].tolist() == [10, 30, 91]
    assert known.categories[0, :2].tolist() == [0, 1]
    assert known.known.tolist() == [True]


def test_whoever_did_nothing_with_a_known_product_is_not_known() -> None:
    assert histories({}, {"bought_products": ["1 2024-01-01 gone"]}, LOOKER).known.tolist() == [
        False,
        False,
        True,
    ]


def test_candidates_are_what_was_bought_what_goes_with_it_and_what_is_popular() -> None:
    known, each = found(BUYER)
    assert ids(each) == {"a", "b", "c", "d", "e", "f"}
    assert seen(each, known, "a", "times") == 3
    assert seen(each, known, "d", "bought_with") > 0
    assert np.isnan(seen(each, known, "d", "age_days"))
    assert len(each.products) == len(set(each.products.tolist()))


def test_what_was_looked_at_and_put_in_the_cart_are_candidates_too() -> None:
    known, each = found(LOOKER)
    assert seen(each, known, "e", "viewed") == 1
    assert seen(each, known, "c", "cart") == 1
    assert seen(each, known, "f", "viewed_with") == 0.5


def test_a_share_of_a_category_is_of_all_that_was_bought() -> None:
    known, each = found(BUYER)
    assert seen(each, known, "b", "category_share") == 0.8
    assert seen(each, known, "d", "category_age_days") == 91
    assert np.isnan(seen(each, known, "f", "category_age_days"))


def test_the_coarse_score_decides_who_stays() -> None:
    weights = FLAT.copy()
    weights[candidates.COARSE.index("bought_with")] = 1.0
    _, each = found(BUYER, coarse=weights, kept=1)
    assert ids(each) == {"d"}


def test_one_customer_and_many_get_the_same_numbers() -> None:
    weights = np.linspace(1, 2, len(candidates.COARSE))
    rows = [BUYER, LOOKER, {}, BUYER | {"order_recency_days": 40.0}]
    together, every = found(*rows, coarse=weights, kept=3)
    of_all = candidates.matrix(every, together, tables())
    for place, row in enumerate(rows):
        alone, each = found(row, coarse=weights, kept=3)
        mine = every.rows == place
        np.testing.assert_array_equal(every.products[mine], each.products)
        np.testing.assert_array_equal(of_all[mine], candidates.matrix(each, alone, tables()))


def test_relations_say_what_a_product_is_to_the_customer() -> None:
    owner = {"bought_products": ["1 2024-02-01 a"], "bought_categories": ["1 2024-02-01 mugs"]}
    known, each = found(owner | {"last_viewed": ["f"]})
    marked = relations.mark(each, known, tables(), tables().price)
    told = {
        tables().product_ids[product]: relations.RELATIONS[code]
        for product, code in zip(each.products, marked, strict=True)
    }
    assert told == {
        "a": "repeat",
        "b": "upgrade",  # a fifth dearer than the mug they have
        "c": "upgrade",
        "d": "complement",
        "e": "similar",  # looked at with the rug they looked at
        "f": "similar",
    }


@pytest.mark.parametrize("price", [9.0, np.nan, 41.0])
def test_what_is_not_dearer_or_far_too_dear_or_has_no_price_is_no_upgrade(price) -> None:
    known, each = found({"bought_products": ["1 2024-02-01 a"]})
    prices = np.array([10.0, price, 30.0, 5.0, 6.0, np.nan])
    marked = relations.mark(each, known, tables(), prices)
    [of_b] = marked[each.products == 1]
    assert relations.RELATIONS[of_b] == "similar"


def test_every_category_is_seen_with_the_customers_share_of_it() -> None:
    known = histories(BUYER, {})
    seen_of = categories.matrix(known, tables()).reshape(2, 3, len(categories.FEATURES))
    assert seen_of[0, :, categories.FEATURES.index("share")].tolist() == [0.8, 0.2, 0.0]
    assert seen_of[1, :, categories.FEATURES.index("bought")].tolist() == [0.0, 0.0, 0.0]
    assert np.isfinite(seen_of).all()


def test_a_shop_without_categories_and_neighbours_has_candidates_all_the_same() -> None:
    bare = tables(
        categories=(),
        category=np.zeros(6, dtype=np.int64),
        category_recent=np.zeros(0),
        category_lasting=np.zeros(0),
        bought_with=np.zeros((6, 0), dtype=np.int64),
        bought_weight=np.zeros((6, 0)),
        viewed_with=np.zeros((6, 0), dtype=np.int64),
        viewed_weight=np.zeros((6, 0)),
    )
    known, each = found(BUYER, of=bare, coarse=FLAT)
    assert len(candidates.matrix(each, known, bare)) == 6
    marked = relations.mark(each, known, bare, bare.price)
    assert relations.RELATIONS[marked[each.products == 0].item()] == "repeat"


def test_tables_come_back_from_json_as_they_were() -> None:
    read = ItemTables.from_json(json.loads(json.dumps(tables().to_json())))
    assert read.product_ids == tables().product_ids
    for name in ("category", "price", "bought_with", "bought_weight", "viewed_with", "recent"):
        np.testing.assert_array_equal(getattr(read, name), getattr(tables(), name))


def test_channels_are_of_the_product_they_stand_beside() -> None:
    _, each = found(BUYER | LOOKER | {"orders_lifetime": 2.0})
    assert each.channels.shape == (len(each.products), len(CHANNELS))
    assert each.channel("own")[each.products == 4].item() == 1
    assert each.channel("viewed")[each.products == 4].item() == 1
