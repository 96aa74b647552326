"""How a suggested product stands to what the customer has: more of it, with it, instead of it."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from retain.items.candidates import Candidates
from retain.items.histories import Histories
from retain.items.tables import Floats, ItemTables

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
    dearest = _dearest(histories, tables, price)[rows, category]
    has = np.isfinite(dearest) | _has(histories, tables)[rows, category]
    with np.errstate(invalid="ignore"):
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
    places = [RELATIONS.index(name) for name, _ in told]
    return np.select([holds for _, holds in told], places, RELATIONS.index("popular"))


def _categories_of(histories: Histories, tables: ItemTables) -> NDArray[np.int64]:
    known = np.append(tables.category, len(tables.categories))
    return np.asarray(known[histories.products])


def _has(histories: Histories, tables: ItemTables) -> NDArray[np.bool_]:
    """Whether the customer has a product of the category, (n, C + 1); never of none."""
    has = np.zeros((len(histories), len(tables.categories) + 1), dtype=np.bool_)
    has[np.arange(len(histories))[:, None], _categories_of(histories, tables)] = True
    has[:, -1] = False
    return has


def _dearest(histories: Histories, tables: ItemTables, price: Floats) -> Floats:
    """Price of the dearest product the customer has of each category, (n, C + 1); NaN of none."""
    paid = np.append(price, np.nan)[histories.products]
    dearest = np.full((len(histories), len(tables.categories) + 1), -np.inf)
    rows = np.broadcast_to(np.arange(len(histories))[:, None], paid.shape)
    known = np.isfinite(paid)
    at = (rows[known], _categories_of(histories, tables)[known])
    np.maximum.at(dearest, at, paid[known])
    dearest[:, -1] = -np.inf
    return np.where(np.isfinite(dearest), dearest, np.nan)
