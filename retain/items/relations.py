"""How a suggested product stands to what the customer has: more of it, with it, instead of it."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from retain.items.candidates import Candidates
from retain.items.histories import Histories
from retain.items.tables import Floats, ItemTables, Places

Relation = Literal["repeat", "upgrade", "similar", "complement", "popular"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)

DEARER = (1.1, 4.0)
"""An upgrade costs so many times the dearest product of its category that the customer has."""


def mark(
    candidates: Candidates, histories: Histories, tables: ItemTables, price: Floats
) -> NDArray[np.intp]:
    """Positions in :data:`RELATIONS` of each candidate, (m,).

    ``repeat`` was bought before; ``upgrade`` is dearer than what the customer has of the same
    category; ``similar`` is of such a category, or was looked at, or is looked at with what was;
    ``complement`` is of another category and is bought in one order with what they have.

    ``price`` is of every product, (P,); where it is not known nothing is an upgrade.
    """
    rows, products = candidates.rows, candidates.products
    category = tables.category[products]
    of = tables.category_near[histories.products]
    has = _has(of, tables)[rows, category]
    dearest = _dearest(histories.products, of, tables, price)[rows, category]
    times = price[products] / dearest
    dearer = (times >= DEARER[0]) & (times <= DEARER[1])
    looked = candidates.channel("viewed") + candidates.channel("cart") > 0
    looked |= candidates.channel("viewed_with") > 0
    with_theirs = candidates.channel("bought_with") > 0
    told: tuple[tuple[Relation, NDArray[np.bool_]], ...] = (
        ("repeat", candidates.channel("own") > 0),
        ("upgrade", has & dearer),
        ("similar", has),
        ("complement", with_theirs),
        ("similar", looked),
    )
    found = np.full(len(rows), RELATIONS.index("popular"))
    for name, holds in reversed(told):
        found[holds] = RELATIONS.index(name)
    return found


def _has(of: Places, tables: ItemTables) -> NDArray[np.bool_]:
    """Whether the customer has a product of the category, (n, C + 1); never of none."""
    has = np.zeros((len(of), len(tables.categories) + 1), dtype=np.bool_)
    has[np.arange(len(of))[:, None], of] = True
    has[:, -1] = False
    return has


def _dearest(products: Places, of: Places, tables: ItemTables, price: Floats) -> Floats:
    """Price of the dearest product the customer has of each category, (n, C + 1); 0 of none."""
    width = len(tables.categories) + 1
    dearest = np.zeros(len(of) * width)
    known = products < len(price)
    paid = price[products[known]]
    paid[np.isnan(paid)] = 0.0
    np.maximum.at(dearest, (of + np.arange(0, len(dearest), width)[:, None])[known], paid)
    by_category = dearest.reshape(len(of), width)
    by_category[:, -1] = 0.0
    return np.where(by_category > 0, by_category, np.inf)
