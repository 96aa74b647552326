"""Suggestions for the customers of one answer, computed when the first of them is asked for."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.items.histories import FEATURES
from retain.items.relations import RELATIONS, Relation
from retain.items.tables import ItemTables
from retain.stock import EMPTY, Stock, StockState

PRODUCTS = 10
CATEGORIES = 5

SOURCES: dict[str, tuple[Relation, ...]] = {
    "next_products": RELATIONS,
    "replenishment": ("repeat",),
    "complements": ("complement",),
    "upgrades": ("upgrade",),
}
"""What an action may ask for, and the relations of the products it then gets."""


class ItemModel(Protocol):
    """What suggestions need of :class:`retain.predictors.NextItemsPredictor`."""

    tables: ItemTables

    def score(self, columns: Columns, as_of: NDArray[np.datetime64], stock: StockState) -> Any:
        """Scores of n rows."""


class Suggested(Protocol):
    """What customers may buy next: :class:`Suggestions`, or the like."""

    def prepare(self, rows: Sequence[int]) -> None:
        """Compute the suggestions of these customers at once."""

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:
        """Those of ``product_ids`` that nobody says are sold out."""

    def categories(self, row: int) -> list[tuple[str, float]]:
        """The likeliest categories of the next order, with their probabilities."""

    def products(self, row: int) -> list[tuple[str, float, Relation]]:
        """The likeliest products in stock, with their probabilities and relations."""

    def items(self, source: str, row: int, limit: int) -> list[str]:
        """At most ``limit`` product ids of one of :data:`SOURCES`, the likeliest first."""


class Suggestions:
    """Of n customers at one moment; ``allowed`` are those who may be suggested anything.

    Nothing is computed for rows nobody asks about: ask for many at once with :meth:`prepare`.
    """

    def __init__(
        self,
        model: ItemModel,
        columns: Columns,
        as_of: NDArray[np.datetime64],
        allowed: NDArray[np.bool_],
        stock: Stock | None,
    ) -> None:
        self._model = model
        self._columns = columns
        self._as_of = as_of
        self._allowed = allowed
        self._stock = stock
        self._state: StockState | None = None
        self._made: dict[int, tuple[Any, int]] = {}

    def prepare(self, rows: Sequence[int]) -> None:
        """Compute those of ``rows`` that are not computed yet, in one go."""
        wanted = [row for row in rows if row not in self._made and self._allowed[row]]
        if not wanted:
            return
        at = np.array(wanted)
        columns = {name: self._columns[name][at] for name in FEATURES}
        scores = self._model.score(columns, self._as_of[at], self.stock)
        self._made.update({row: (scores, place) for place, row in enumerate(wanted)})

    @property
    def stock(self) -> StockState:
        """The state of the product feed at the moment of the answer."""
        if self._state is None:
            moment = self._as_of[0].astype("M8[us]").item().replace(tzinfo=UTC)
            self._state = EMPTY if self._stock is None else self._stock.at(moment)
        return self._state

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:
        """Those of ``product_ids`` that nobody says are sold out."""
        return [one for one in product_ids if one not in self.stock.out_of_stock]

    def categories(self, row: int) -> list[tuple[str, float]]:
        """The likeliest categories of the next order, with their probabilities."""
        found = self._of(row)
        if found is None:
            return []
        scores, place = found
        probabilities = scores.categories[place]
        best = np.argsort(-probabilities, kind="stable")[:CATEGORIES].tolist()
        names = self._model.tables.categories
        return [(names[one], float(probabilities[one])) for one in best]

    def products(self, row: int) -> list[tuple[str, float, Relation]]:
        """The likeliest products in stock, with their probabilities and relations."""
        found = self._of(row)
        if found is None:
            return []
        scores, place = found
        start, end = scores.starts[place], scores.starts[place + 1]
        part = slice(start, min(start + PRODUCTS, end))
        ids = self._model.tables.product_ids
        return [
            (ids[product], probability, RELATIONS[relation])
            for product, probability, relation in zip(
                scores.products[part].tolist(),
                scores.probabilities[part].tolist(),
                scores.relations[part].tolist(),
                strict=True,
            )
        ]

    def items(self, source: str, row: int, limit: int) -> list[str]:
        """At most ``limit`` product ids of one of :data:`SOURCES`, the likeliest first."""
        found = self._of(row)
        if found is None:
            return []
        scores, place = found
        part = slice(scores.starts[place], scores.starts[place + 1])
        wanted = {RELATIONS.index(relation) for relation in SOURCES[source]}
        ids = self._model.tables.product_ids
        chosen = [
            ids[product]
            for product, relation in zip(
                scores.products[part].tolist(), scores.relations[part].tolist(), strict=True
            )
            if relation in wanted
        ]
        return chosen[:limit]

    def _of(self, row: int) -> tuple[Any, int] | None:
        self.prepare([row])
        return self._made.get(row)
