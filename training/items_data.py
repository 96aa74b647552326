"""What the next items are learned from: who bought, looked at and put in a cart which product."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.items.tables import Floats

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_PRODUCTS = 20_000


@dataclass(frozen=True)
class Interactions:
    """r rows in the order of time; codes name places in the tuples of names, -1 is none.

    Attributes:
        times: epoch microseconds, (r,).
        is_order, is_view: the kind of each; what is neither is a cart.
        orders: code of the order (of the event), (r,).
        price: of one piece where it was ordered, NaN elsewhere, (r,).
    """

    customer_ids: NDArray[np.object_]
    product_ids: tuple[str, ...]
    category_names: tuple[str, ...]
    customers: Codes
    times: Codes
    is_order: Mask
    is_view: Mask
    orders: Codes
    products: Codes
    categories: Codes
    price: Floats

    def __len__(self) -> int:
        return len(self.times)

    def until(self, moment: int, days: float | None = None) -> Mask:
        """Rows at or before ``moment``, and within ``days`` before it."""
        known = self.times <= moment
        if days is not None:
            known &= self.times > moment - int(days * MICROSECONDS_PER_DAY)
        return known

    @cached_property
    def first_seen(self) -> Codes:
        """When each customer did anything first, (customers,)."""
        first = np.full(len(self.customer_ids), np.iinfo(np.int64).max)
        np.minimum.at(first, self.customers, self.times)
        return first


@dataclass(frozen=True, slots=True)
class NextOrders:
    """The next order of n customers after their cutoffs; one customer may stand at several.

    Attributes:
        customers: codes, (n,).
        cutoffs: epoch microseconds, (n,).
        product_rows, products: which of the n bought which product, (p,).
        category_rows, categories: the same of categories, (c,).
    """

    customers: Codes
    cutoffs: Codes
    product_rows: Codes
    products: Codes
    category_rows: Codes
    categories: Codes

    def __len__(self) -> int:
        return len(self.customers)

    def size(self) -> Floats:
        """Different products in each order, (n,)."""
        return np.bincount(self.product_rows, minlength=len(self)).astype(np.float64)

    def holds(self, rows: Codes, products: Codes, every: int) -> Mask:
        """Whether the order of each of ``rows`` holds the product beside it."""
        return np.isin(
            rows * (every + 1) + products, self.product_rows * (every + 1) + self.products
        )


def read(table: pa.Table, left_out: Collection[str] = ()) -> Interactions:
    """Interactions of the table a :class:`FeatureSource` gives, without some customers."""
    if left_out:
        gone = pa.array(sorted(left_out), pa.string())
        table = table.filter(pc.invert(pc.is_in(table.column("customer_id"), value_set=gone)))
    table = table.sort_by([("ts", "ascending"), ("event_id", "ascending")])
    kind = table.column("kind")
    customers, customer_ids = _coded(table.column("customer_id"))
    products, product_ids = _coded(table.column("product_id"))
    categories, category_names = _coded(table.column("category"))
    return Interactions(
        customer_ids=np.array(customer_ids, dtype=object),
        product_ids=tuple(product_ids),
        category_names=tuple(category_names),
        customers=customers,
        times=table.column("ts").cast(pa.int64()).to_numpy(),
        is_order=pc.equal(kind, "order").to_numpy(),
        is_view=pc.equal(kind, "view").to_numpy(),
        orders=_coded(table.column("event_id"))[0],
        products=products,
        categories=categories,
        price=table.column("price").cast(pa.float64()).to_numpy(),
    )


def next_orders(
    given: Interactions, cutoffs: Sequence[datetime], horizon_days: int, most: int, seed: int
) -> NextOrders:
    """The first order after each cutoff, within the horizon, of whoever was known by then.

    Where there are more than ``most``, so many of them, drawn by ``seed``.
    """
    horizon = int(timedelta(days=horizon_days).total_seconds() * 1_000_000)
    found: list[tuple[Codes, Codes]] = []
    for cutoff in map(to_micros, cutoffs):
        after = given.is_order & (given.products >= 0)
        after &= (given.times > cutoff) & (given.times <= cutoff + horizon)
        rows = np.flatnonzero(after)
        customers, first = np.unique(given.customers[rows], return_index=True)
        known = given.first_seen[customers] <= cutoff
        found.append((rows[first[known]], np.full(int(known.sum()), cutoff)))
    firsts, moments = (np.concatenate(part) for part in zip(*found, strict=True))
    if len(firsts) > most:
        kept = np.sort(np.random.default_rng(seed).choice(len(firsts), most, replace=False))
        firsts, moments = firsts[kept], moments[kept]
    return _lines(given, firsts, moments)


def _lines(given: Interactions, firsts: Codes, moments: Codes) -> NextOrders:
    order = np.argsort(given.orders, kind="stable")
    codes = given.orders[order]
    starts = np.searchsorted(codes, given.orders[firsts], side="left")
    ends = np.searchsorted(codes, given.orders[firsts], side="right")
    counts = ends - starts
    rows = np.repeat(np.arange(len(firsts)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    lines = order[np.repeat(starts, counts) + within]
    return NextOrders(
        given.customers[firsts],
        moments,
        *_distinct(rows, given.products[lines]),
        *_distinct(rows, given.categories[lines]),
    )


def pairs(left: Codes, right: Codes) -> tuple[Codes, Codes, Codes]:
    """Every different pair of two columns of codes, in their order, and how often each is there."""
    # one number a pair: sorting rows of two takes ten times as long
    width = int(right.max(initial=0)) + 1
    keys, counts = np.unique(left * width + right, return_counts=True)
    return keys // width, keys % width, counts


def _distinct(rows: Codes, codes: Codes) -> tuple[Codes, Codes]:
    return pairs(rows[codes >= 0], codes[codes >= 0])[:2]


def _coded(column: pa.ChunkedArray) -> tuple[Codes, list[Any]]:
    """Codes in the order of the names, -1 for null; the names."""
    names = pc.unique(column).drop_null().sort()
    codes = pc.index_in(column, value_set=names).fill_null(-1)
    return codes.cast(pa.int64()).to_numpy(), names.to_pylist()
