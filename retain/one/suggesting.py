"""What one customer may buy next, computed when somebody asks."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from retain.clock import EPOCH
from retain.items.relations import RELATIONS, Relation
from retain.items.suggestions import CATEGORIES, PRODUCTS, SOURCES
from retain.one.candidates import Candidates
from retain.one.histories import History
from retain.one.items import Items, Offered, Ranked
from retain.one.scoring import OneScores
from retain.predictors import NextItemsPredictor
from retain.stock import EMPTY, Stock, StockState


class Suggesting:
    """Suggestions by one model; without a model there are none."""

    def __init__(self, predictor: NextItemsPredictor | None, stock: Stock | None) -> None:
        self._items = None if predictor is None else Items(predictor)
        self._stock = stock

    def suggestions(self, scores: OneScores) -> "SuggestionsOfOne | None":
        """Those of one customer."""
        if self._items is None:
            return None
        return SuggestionsOfOne(self._items, self._stock, scores)


class _Found(NamedTuple):
    history: History
    candidates: Candidates
    ranked: Ranked


class SuggestionsOfOne:
    """As :class:`retain.items.suggestions.Suggestions` of one customer, whose row is the first."""

    def __init__(self, items: Items, stock: Stock | None, scores: OneScores) -> None:
        self._items = items
        self._stock = stock
        self._scores = scores
        self._offered: Offered | None = None
        self._history: History | None = None
        self._found: _Found | None = None
        self._state: StockState | None = None

    def prepare(self, rows: Sequence[int]) -> None:
        """Nothing: what there is to be computed is computed when it is asked for."""

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:
        """Those of ``product_ids`` that nobody says are sold out."""
        gone = self._stock_state().out_of_stock
        return [one for one in product_ids if one not in gone]

    def categories(self, row: int) -> list[tuple[str, float]]:  # noqa: ARG002
        """The likeliest categories of the next order, with their probabilities."""
        if not self._scores.consent:
            return []
        return self._items.categories(self._read(), CATEGORIES)

    def products(self, row: int) -> list[tuple[str, float, Relation]]:  # noqa: ARG002
        """The likeliest products in stock, with their probabilities and relations."""
        if not self._scores.consent:
            return []
        history, candidates, ranked = self._ranked()
        products = ranked.products[:PRODUCTS]
        probabilities = self._items.probabilities(history, ranked.scores[:PRODUCTS])
        relations = self._items.relations(candidates, products, self._for_sale())
        ids = self._items.tables.product_ids
        return [
            (ids[product], probability, relation)
            for product, probability, relation in zip(
                products, probabilities, relations, strict=True
            )
        ]

    def items(self, source: str, row: int, limit: int) -> list[str]:  # noqa: ARG002
        """At most ``limit`` product ids of one of :data:`SOURCES`, the likeliest first."""
        if not self._scores.consent:
            return []
        _, candidates, ranked = self._ranked()
        wanted, ids = SOURCES[source], self._items.tables.product_ids
        if len(wanted) == len(RELATIONS):
            return [ids[product] for product in ranked.products[:limit]]
        relations = self._items.relations(candidates, ranked.products, self._for_sale())
        chosen = (
            ids[product]
            for product, relation in zip(ranked.products, relations, strict=True)
            if relation in wanted
        )
        return list(islice(chosen, limit))

    def _ranked(self) -> _Found:
        if self._found is None:
            history = self._read()
            self._found = _Found(history, *self._items.rank(history, self._for_sale()))
        return self._found

    def _read(self) -> History:
        if self._history is None:
            self._history = self._items.history(self._scores.features, self._scores.moment)
        return self._history

    def _for_sale(self) -> Offered:
        if self._offered is None:
            self._offered = self._items.offered(self._stock_state())
        return self._offered

    def _stock_state(self) -> StockState:
        if self._state is None:
            moment = EPOCH + timedelta(microseconds=self._scores.moment)
            self._state = EMPTY if self._stock is None else self._stock.at(moment)
        return self._state
