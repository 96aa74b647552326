"""The dumb rules that the next items are judged against, and what a list of ten is worth."""

import numpy as np

from retain.items.tables import Floats, ItemTables
from training.items_data import Codes, Interactions, NextOrders, pairs

K = 10


def most_frequent(given: Interactions, asked: NextOrders) -> tuple[Codes, Codes, Codes]:
    """Rows, products and positions: each customer's products by number of orders, then newest.

    From the whole history up to the cutoff, not from what a stored list has room for.
    """
    parts = []
    for cutoff in np.unique(asked.cutoffs):
        rows = np.flatnonzero(asked.cutoffs == cutoff)
        row_of = np.full(len(given.customer_ids), -1)
        row_of[asked.customers[rows]] = rows
        known = given.until(int(cutoff)) & given.is_order & (given.products >= 0)
        known &= row_of[given.customers] >= 0
        of, products = row_of[given.customers[known]], given.products[known]
        orders, bought, _ = pairs(given.orders[known], products)
        of_order = np.zeros(int(given.orders.max(initial=0)) + 1, dtype=np.int64)
        of_order[given.orders[known]] = of
        customers, items, times = pairs(of_order[orders], bought)
        keys = of * len(given.product_ids) + products
        # backwards in time, so that what is met first is the newest
        newest = np.unique(keys[::-1], return_index=True)[1]
        last = given.times[known][::-1][newest]
        order = np.lexsort((items, -last, -times, customers))
        parts.append((customers[order], items[order], positions(customers[order])))
    rows, products, places = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows[places < K], products[places < K], places[places < K]


def popular(
    given: Interactions, asked: NextOrders, tables: dict[int, ItemTables]
) -> tuple[Codes, Codes, Codes]:
    """Rows, products and positions: what most customers bought in the last 30 days."""
    code = {product: place for place, product in enumerate(given.product_ids)}
    rows, products = [], []
    for cutoff, table in tables.items():
        of = np.flatnonzero(asked.cutoffs == cutoff)
        best = np.array([code[one] for one in table.product_ids[:K]], dtype=np.int64)
        rows.append(np.repeat(of, len(best)))
        products.append(np.tile(best, len(of)))
    found = np.concatenate(rows)
    return found, np.concatenate(products), positions(found)


def positions(rows: Codes) -> Codes:
    """0, 1, 2 … within each run of equal rows."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    return np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))


def recall(asked: NextOrders, rows: Codes, hits: Floats) -> Floats:
    """The share of each next order's products that the ten hold, (n,)."""
    return np.bincount(rows, hits, minlength=len(asked)) / np.maximum(asked.size(), 1.0)


def ndcg(asked: NextOrders, rows: Codes, places: Codes, hits: Floats) -> Floats:
    """Normalised discounted cumulative gain at ten, (n,) (Järvelin and Kekäläinen 2002)."""
    gain = 1.0 / np.log2(np.arange(K) + 2.0)
    ideal = np.concatenate([[0.0], np.cumsum(gain)])
    best = ideal[np.minimum(asked.size(), K).astype(np.int64)]
    found = np.bincount(rows, hits * gain[places], minlength=len(asked))
    return np.asarray(found / np.maximum(best, 1e-9))
