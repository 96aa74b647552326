"""Customers' own histories of products and categories, read from the feature lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.items.tables import Floats, ItemTables, Places

PRODUCTS = 30
CATEGORIES = 10
SEEN = 10
FEATURES = (
    "bought_products",
    "bought_categories",
    "last_viewed",
    "open_cart",
    "order_recency_days",
    "orders_lifetime",
    "items_per_order",
    "product_count_365d",
    "new_product_share",
)
"""What is read of a customer."""

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Histories:
    """n customers at a moment; a place of P (C) is an empty one, or a product nobody knows.

    Attributes:
        nothing: P, the place of no product.
        products, times, ages: what was bought most often, how many times, days since; (n, 30).
        categories, category_times, category_ages: the same of categories, (n, 10).
        viewed, cart: products looked at and put in the cart last, newest first, (n, 10).
        recency, orders, basket, variety, novelty: of the customer as a whole, (n,).
    """

    nothing: int
    products: Places
    times: Floats
    ages: Floats
    categories: Places
    category_times: Floats
    category_ages: Floats
    viewed: Places
    cart: Places
    recency: Floats
    orders: Floats
    basket: Floats
    variety: Floats
    novelty: Floats

    def __len__(self) -> int:
        return len(self.products)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Who has bought, looked at or put in a cart any product that is known, (n,)."""
        return np.asarray(
            (self.products < self.nothing).any(axis=1)
            | (self.viewed < self.nothing).any(axis=1)
            | (self.cart < self.nothing).any(axis=1)
        )


def read(columns: Columns, as_of: NDArray[np.datetime64], tables: ItemTables) -> Histories:
    """Histories from read-time columns (:data:`FEATURES`) of n rows, each at its ``as_of``."""
    today = as_of.astype("datetime64[us]").astype(np.int64) / 86_400_000_000
    place, nothing = tables.place, len(tables.product_ids)
    products, times, ages = _counted(columns["bought_products"], place, nothing, PRODUCTS, today)
    categories = _counted(
        columns["bought_categories"],
        tables.category_place,
        len(tables.categories),
        CATEGORIES,
        today,
    )
    return Histories(
        nothing,
        products,
        times,
        ages,
        *categories,
        viewed=_listed(columns["last_viewed"], place, nothing),
        cart=_listed(columns["open_cart"], place, nothing),
        recency=_numbers(columns, "order_recency_days"),
        orders=np.nan_to_num(_numbers(columns, "orders_lifetime")),
        basket=_numbers(columns, "items_per_order"),
        variety=_numbers(columns, "product_count_365d"),
        novelty=_numbers(columns, "new_product_share"),
    )


def _numbers(columns: Columns, name: str) -> Floats:
    return np.asarray(columns[name], dtype=np.float64)


def _counted(
    lists: Sequence[Sequence[str]] | NDArray[Any],
    place: dict[str, int],
    nothing: int,
    width: int,
    today: Floats,
) -> tuple[Places, Floats, Floats]:
    """Places, times and ages of entries "times day name", each (n, width)."""
    places = np.full((len(lists), width), nothing, dtype=np.int64)
    times = np.zeros((len(lists), width))
    days = np.zeros((len(lists), width))
    for row, entries in enumerate(lists):
        if not entries:
            continue
        split = [entry.split(" ", 2) for entry in entries[:width]]
        places[row, : len(split)] = [place.get(name, nothing) for _, _, name in split]
        times[row, : len(split)] = [float(count) for count, _, _ in split]
        days[row, : len(split)] = [day(since) for _, since, _ in split]
    return places, times, np.maximum(today[:, None] - days, 0.0)


def _listed(
    lists: Sequence[Sequence[str]] | NDArray[Any], place: dict[str, int], nothing: int
) -> Places:
    # as wide for one customer as for many: ties are broken by where a product stands
    places = np.full((len(lists), SEEN), nothing, dtype=np.int64)
    for row, ids in enumerate(lists):
        if ids:
            found = [place.get(one, nothing) for one in ids[:SEEN]]
            places[row, : len(found)] = found
    return places


@cache
def day(text: str) -> int:
    """Days since the epoch of an ISO date."""
    return date.fromisoformat(text).toordinal() - _EPOCH
