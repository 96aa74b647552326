"""The tables of products and categories as they stood at a moment, from what was done until then.

Closeness of two products is their cosine over orders (or over a customer's day of looking),
shrunk where few stand behind it: item-based collaborative filtering (G. Linden, B. Smith,
J. York, Amazon.com Recommendations, 2003; B. Sarwar et al., 2001).
"""

import numpy as np
from scipy import sparse

from retain.clock import MICROSECONDS_PER_DAY
from retain.items.tables import Floats, ItemTables, Places
from training.items_data import MOST_PRODUCTS, Codes, Interactions, Mask, pairs

NEIGHBOURS = 6
MOST_CATEGORIES = 60
RECENT_DAYS, LASTING_DAYS = 30, 365
_SHRINKAGE = 5.0
_LARGEST_BASKET = 100
"""Who buys more different products at once is stocking a shop, and tells little about any two."""


def build(given: Interactions, moment: int) -> ItemTables:
    """The tables at ``moment`` (epoch microseconds); nothing later is looked at."""
    year = given.until(moment, LASTING_DAYS)
    lasting, recent = (
        _share(given, given.until(moment, days)) for days in (LASTING_DAYS, RECENT_DAYS)
    )
    looked = np.bincount(given.products[year & (given.products >= 0)], minlength=len(lasting))
    known = np.flatnonzero((lasting > 0) | (looked > 0))
    by_popularity = known[np.lexsort((known, -looked[known], -lasting[known], -recent[known]))]
    chosen = by_popularity[:MOST_PRODUCTS]
    place = np.full(len(lasting) + 1, len(chosen))
    place[chosen] = np.arange(len(chosen))
    bought = _alike(_together(given, year & given.is_order, given.orders, place), len(chosen))
    days = given.times // MICROSECONDS_PER_DAY
    visits = given.customers * (int(days.max(initial=0)) + 1) + days
    viewed = _alike(_together(given, year & ~given.is_order, visits, place), len(chosen))
    names, category, (category_recent, category_lasting) = _categories(given, moment, chosen)
    return ItemTables(
        product_ids=tuple(given.product_ids[one] for one in chosen),
        recent=recent[chosen],
        lasting=lasting[chosen],
        repeated=_repeated(given, year)[chosen],
        category=category,
        price=_prices(given, year & given.is_order, chosen),
        bought_with=bought[0],
        bought_weight=bought[1],
        viewed_with=viewed[0],
        viewed_weight=viewed[1],
        categories=names,
        category_recent=category_recent,
        category_lasting=category_lasting,
    )


def _share(given: Interactions, rows: Mask) -> Floats:
    """Buyers of each product over all buyers, (products,)."""
    rows = rows & given.is_order & (given.products >= 0)
    customers, products, _ = pairs(given.customers[rows], given.products[rows])
    buyers = len(np.unique(customers))
    return np.bincount(products, minlength=len(given.product_ids)) / max(buyers, 1)


def _repeated(given: Interactions, rows: Mask) -> Floats:
    """The share of each product's buyers who bought it in two orders or more, (products,)."""
    rows = rows & given.is_order & (given.products >= 0)
    orders, bought, _ = pairs(given.orders[rows], given.products[rows])
    customer_of = np.zeros(int(given.orders.max(initial=0)) + 1, dtype=np.int64)
    customer_of[given.orders[rows]] = given.customers[rows]
    _, products, times = pairs(customer_of[orders], bought)
    buyers = np.bincount(products, minlength=len(given.product_ids))
    again = np.bincount(products, times > 1, minlength=len(given.product_ids))
    return np.asarray(again / np.maximum(buyers, 1))


def _prices(given: Interactions, rows: Mask, chosen: Codes) -> Floats:
    rows = rows & (given.products >= 0) & np.isfinite(given.price) & (given.price > 0)
    order = np.lexsort((given.price[rows], given.products[rows]))
    products, price = given.products[rows][order], given.price[rows][order]
    starts = np.searchsorted(products, chosen, side="left")
    counts = np.searchsorted(products, chosen, side="right") - starts
    middle = np.minimum(starts + counts // 2, max(len(price) - 1, 0))
    if not len(price):
        return np.full(len(chosen), np.nan)
    return np.where(counts > 0, price[middle], np.nan)


def _together(
    given: Interactions, rows: Mask, units: Codes, place: Places
) -> sparse.csr_matrix | None:
    """Which unit (an order, a day of looking) holds which product; None where none holds two."""
    rows = rows & (given.products >= 0)
    places = place[given.products[rows]]
    real = places < place[-1]
    held, products, _ = pairs(units[rows][real], places[real])
    codes, size = np.unique(held, return_inverse=True, return_counts=True)[1:]
    kept = (size[codes] >= 2) & (size[codes] <= _LARGEST_BASKET)
    if not kept.any():
        return None
    ones = np.ones(int(kept.sum()))
    return sparse.csr_matrix((ones, (codes[kept], products[kept])), shape=(len(size), place[-1]))


def _alike(units: sparse.csr_matrix | None, products: int) -> tuple[Places, Floats]:
    """The closest products of each, and how close, (products, NEIGHBOURS)."""
    near = np.full((products, NEIGHBOURS), products, dtype=np.int64)
    weights = np.zeros((products, NEIGHBOURS))
    if units is None:
        return near[:, :0], weights[:, :0]
    count = np.asarray(units.sum(axis=0)).ravel()
    together = (units.T @ units).tocsr()
    together.sort_indices()
    for one in np.flatnonzero(count):
        part = slice(together.indptr[one], together.indptr[one + 1])
        others, times = together.indices[part], together.data[part]
        others, times = others[others != one], times[others != one]
        close = times / np.sqrt(count[one] * count[others]) * times / (times + _SHRINKAGE)
        best = np.argsort(-close, kind="stable")[:NEIGHBOURS]
        near[one, : len(best)] = others[best]
        weights[one, : len(best)] = close[best]
    return near, weights


def _categories(
    given: Interactions, moment: int, chosen: Codes
) -> tuple[tuple[str, ...], Places, tuple[Floats, Floats]]:
    """Names, the category of each chosen product, and shares of buyers by 30 and 365 days."""
    shares = []
    for days in (RECENT_DAYS, LASTING_DAYS):
        rows = given.until(moment, days) & given.is_order & (given.categories >= 0)
        customers, categories, _ = pairs(given.customers[rows], given.categories[rows])
        buyers = max(len(np.unique(customers)), 1)
        shares.append(np.bincount(categories, minlength=len(given.category_names)) / buyers)
    recent, lasting = shares
    known = np.flatnonzero(lasting > 0)
    kept = known[np.lexsort((known, -lasting[known], -recent[known]))][:MOST_CATEGORIES]
    place = np.full(len(given.category_names) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    rows = given.until(moment) & (given.categories >= 0) & (given.products >= 0)
    # the newest word on a product's category counts
    latest = np.full(len(given.product_ids), -1)
    latest[given.products[rows]] = given.categories[rows]
    names = tuple(given.category_names[one] for one in kept)
    return names, place[latest[chosen]], (recent[kept], lasting[kept])
