"""Categories of the next order: what the logistic regression sees of each."""

import numpy as np

from retain.items.histories import Histories
from retain.items.tables import Floats, ItemTables

FEATURES = (
    "often",
    "share",
    "lately",
    "bought",
    "recent",
    "lasting",
    "basket",
    "orders",
    "expected",
)
LATELY_DAYS = 90.0
SMALL = 1e-4


def matrix(histories: Histories, tables: ItemTables) -> Floats:
    """Every customer with every category, (n * C, len(FEATURES)), a customer's beside each other.

    ``expected`` is the share times the orders' size, in logarithms: who buys twenty lines an
    order touches more categories than who buys one.
    """
    count, categories = len(histories), len(tables.categories)
    times = np.zeros((count, categories + 1))
    ages = np.full((count, categories + 1), np.inf)
    rows = np.arange(count)[:, None]
    times[rows, histories.categories] = histories.category_times
    ages[rows, histories.categories] = histories.category_ages
    times, ages = times[:, :categories], ages[:, :categories]
    total = histories.category_times.sum(axis=1, keepdims=True)
    share = times / np.maximum(total, 1.0)
    basket = np.log1p(total / np.maximum(histories.orders[:, None], 1.0))
    made = np.empty((*times.shape, len(FEATURES)))
    columns = (
        np.log1p(times),
        share,
        np.exp(-ages / LATELY_DAYS),
        times > 0,
        np.log(tables.category_recent + SMALL),
        np.log(tables.category_lasting + SMALL),
        basket,
        np.log1p(histories.orders[:, None]),
        np.log(share + SMALL) + basket,
    )
    for place, column in enumerate(columns):
        made[:, :, place] = column
    return made.reshape(count * categories, len(FEATURES))
