"""Stock: what was sold out at a moment, and what it cost."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from retain.database import connect
from retain.errors import StoreUnavailable
from retain.products import PRODUCT_SCHEMA, Products
from retain.stock import EMPTY, LOOK_AGAIN_SECONDS, Stock

NOW = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def products(tmp_path):
    return Products(connect(f"sqlite:///{tmp_path / 'retain.db'}"))


def state(product_id, at, *, in_stock=True, price=5.0):
    row = {"product_id": product_id, "at": at, "in_stock": in_stock, "price": price}
    return pa.Table.from_pylist([row], schema=PRODUCT_SCHEMA)


class Ticking:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_product_is_sold_out_from_the_moment_the_feed_says_so(products):
    products.append(state("a", NOW - 2 * DAY))
    products.append(state("a", NOW, in_stock=False, price=6.0))
    stock = Stock(products)
    assert stock.at(NOW - DAY).out_of_stock == frozenset()
    assert stock.at(NOW - DAY).prices == {"a": 5.0}
    assert stock.at(NOW).out_of_stock == {"a"}
    assert stock.at(NOW).prices == {"a": 6.0}


def test_before_the_feed_nothing_is_known(products):
    products.append(state("a", NOW, in_stock=False))
    assert Stock(products).at(NOW - DAY) is EMPTY


def test_what_the_feed_leaves_open_is_for_sale(products):
    products.append(state("a", NOW, in_stock=None, price=None))
    assert Stock(products).at(NOW).out_of_stock == frozenset()
    assert Stock(products).at(NOW).prices == {}


def test_a_moment_between_two_changes_is_one_and_the_same_state(products):
    products.append(state("a", NOW))
    stock = Stock(products)
    assert stock.at(NOW) is stock.at(NOW + DAY)


def test_a_change_of_the_feed_is_seen_when_it_is_looked_at_again(products):
    products.append(state("a", NOW))
    tick = Ticking()
    stock = Stock(products, tick)
    stock.at(NOW)
    products.append(state("a", NOW, in_stock=False))
    assert stock.at(NOW).out_of_stock == frozenset()
    tick.now = LOOK_AGAIN_SECONDS
    assert stock.at(NOW).out_of_stock == {"a"}


def test_a_database_that_is_gone_leaves_what_was_read(products, monkeypatch):
    products.append(state("a", NOW, in_stock=False))
    tick = Ticking()
    stock = Stock(products, tick)
    stock.at(NOW)

    def gone(_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(Products, "last_seq", gone)
    tick.now = LOOK_AGAIN_SECONDS
    assert stock.at(NOW).out_of_stock == {"a"}
    with pytest.raises(StoreUnavailable):
        Stock(products).at(NOW)
