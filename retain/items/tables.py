"""What is known of products and categories as of a training: the tables beside the trees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

FILE_NAME = "items.json"
_DIGITS = 5


@dataclass(frozen=True)
class ItemTables:
    """P products, the most popular of late first, and C categories in the same order.

    A product or category is named by its place; place P (C) stands for none.

    Attributes:
        recent, lasting: share of the buyers of the last 30 and 365 days who bought it, (P,).
        repeated: share of its buyers who bought it in more than one order, (P,).
        category: place of the product's category, C where it has none, (P,).
        price: median price it was sold at; NaN where none is known, (P,).
        bought_with, bought_weight: products bought in the same order, the closest first, (P, k).
        viewed_with, viewed_weight: products looked at on the same day, (P, k).
        category_recent, category_lasting: as of products, (C,).
    """

    product_ids: tuple[str, ...]
    recent: Floats
    lasting: Floats
    repeated: Floats
    category: Places
    price: Floats
    bought_with: Places
    bought_weight: Floats
    viewed_with: Places
    viewed_weight: Floats
    categories: tuple[str, ...]
    category_recent: Floats
    category_lasting: Floats

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` wrote."""
        read = {one.name: content[one.name] for one in fields(cls)}
        products = len(read["product_ids"])
        made: dict[str, Any] = {}
        for one in fields(cls):
            given = read[one.name]
            if one.name in _NAMES:
                made[one.name] = tuple(given)
            elif one.name.endswith("_with"):
                made[one.name] = _even(given, products, np.int64)
            elif one.name.endswith("_weight"):
                made[one.name] = _even(given, 0.0, np.float64)
            else:
                dtype = np.int64 if one.name == "category" else np.float64
                made[one.name] = np.array(given, dtype=dtype)  # None becomes NaN
        return cls(**made)

    def to_json(self) -> dict[str, Any]:
        """Plain lists; a neighbour that is none is left out, as are the digits nobody needs."""
        written: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in _NAMES:
                written[one.name] = list(value)
            elif one.name.endswith(("_with", "_weight")):
                there = getattr(self, one.name.split("_")[0] + "_with") < len(self.product_ids)
                written[one.name] = [
                    _plain(row[known]) for row, known in zip(value, there, strict=True)
                ]
            else:
                written[one.name] = _plain(value)
        return written

    @cached_property
    def place(self) -> dict[str, int]:
        """Places of products by id."""
        return {product: place for place, product in enumerate(self.product_ids)}

    @cached_property
    def category_place(self) -> dict[str, int]:
        """Places of categories by name."""
        return {category: place for place, category in enumerate(self.categories)}

    @cached_property
    def bought_near(self) -> tuple[Places, Floats]:
        """``bought_with`` and its weights, with a last row for the place of no product."""
        return self._near(self.bought_with, self.bought_weight)

    @cached_property
    def viewed_near(self) -> tuple[Places, Floats]:
        """As :attr:`bought_near`, of products looked at."""
        return self._near(self.viewed_with, self.viewed_weight)

    @cached_property
    def category_near(self) -> Places:
        """``category`` with a last one, none, for the place of no product."""
        return np.append(self.category, len(self.categories))

    def _near(self, places: Places, weights: Floats) -> tuple[Places, Floats]:
        blank = np.full((1, places.shape[1]), len(self.product_ids), dtype=np.int64)
        return np.concatenate([places, blank]), np.concatenate([weights, np.zeros(blank.shape)])


_NAMES = ("product_ids", "categories")


def _plain(values: NDArray[Any]) -> list[Any]:
    plain: list[Any] = values.tolist()
    if values.dtype.kind != "f":
        return plain
    return [round(one, _DIGITS) if one == one else None for one in plain]  # noqa: PLR0124


def _even(rows: Sequence[Sequence[float]], blank: float, dtype: Any) -> NDArray[Any]:
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), blank, dtype=dtype)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table
