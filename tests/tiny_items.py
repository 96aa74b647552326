"""A shop of six products and the histories of a few customers, for the next items' tests."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from retain.items.histories import FEATURES, Histories, read
from retain.items.tables import ItemTables

NOW = datetime(2024, 3, 1, tzinfo=UTC)
AS_OF = np.datetime64("2024-03-01T00:00:00", "us")


def tables(**changed: Any) -> ItemTables:
    """Mugs a to c (10, 12 and 30), teas d and e (5 and 6), a rug f; a and d sell together."""
    none = 6
    given = {
        "product_ids": ("a", "b", "c", "d", "e", "f"),
        "recent": np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.01]),
        "lasting": np.array([0.5, 0.3, 0.1, 0.2, 0.05, 0.01]),
        "repeated": np.array([0.4, 0.1, 0.0, 0.6, 0.1, 0.0]),
        "category": np.array([0, 0, 0, 1, 1, 2]),
        "price": np.array([10.0, 12.0, 30.0, 5.0, 6.0, np.nan]),
        "bought_with": np.array([[3, 1], [0, none], [none, none], [0, 4], [3, none], [none, none]]),
        "bought_weight": np.array([[0.8, 0.3], [0.3, 0], [0, 0], [0.8, 0.2], [0.2, 0], [0, 0]]),
        "viewed_with": np.array([[none], [none], [none], [none], [5], [4]]),
        "viewed_weight": np.array([[0.0], [0.0], [0.0], [0.0], [0.5], [0.5]]),
        "categories": ("mugs", "tea", "rugs"),
        "category_recent": np.array([0.6, 0.2, 0.01]),
        "category_lasting": np.array([0.6, 0.3, 0.02]),
    }
    return ItemTables(**(given | changed))


def columns(*rows: dict[str, Any]) -> dict[str, np.ndarray]:
    """Read-time columns; what a row does not name is an empty list or a usual number."""
    usual = {
        "order_recency_days": 9.0,
        "orders_lifetime": 2.0,
        "items_per_order": 3.0,
        "product_count_365d": 2.0,
        "new_product_share": 0.5,
    }
    made: dict[str, np.ndarray] = {}
    for name in FEATURES:
        column = np.empty(len(rows), dtype=object)
        column[:] = [row.get(name, usual.get(name, [])) for row in rows]
        made[name] = column.astype(np.float64) if name in usual else column
    return made


def histories(*rows: dict[str, Any], of: ItemTables | None = None) -> Histories:
    """Histories at :data:`AS_OF`."""
    return read(columns(*rows), np.full(len(rows), AS_OF), of or tables())
