"""What one customer may buy next, computed when somebody asks."""

from collections.abc import Sequence
from datetime import timedelta

from retain.clock import EPOCH
from retain.items.relations import Relation
from retain.items.suggestions import CATEGORIES, PRODUCTS, SOURCES
from retain.one.compiled_items import CompiledItems, compiled_items
from retain.one.items import Items, ItemsOfOne, Offered
from retain.one.scoring import OneScores
from retain.predictors import NextItemsPredictor
from retain.stock import EMPTY, Stock, StockState


class Suggesting:
    """Suggestions by one model; without a model there are none."""

    def __init__(self, predictor: NextItemsPredictor | None, stock: Stock | None) -> None:
        self._items = None if predictor is None else compiled_items(Items(predictor))
        self._stock = stock

    def suggestions(self, scores: OneScores) -> "SuggestionsOfOne | None":
        """Those of one customer."""
        if self._items is None:
            return None
        return SuggestionsOfOne(self._items, self._stock, scores)


class SuggestionsOfOne:
    """As :class:`retain.items.suggestions.Suggestions` of one customer, whose row is the first."""

    def __init__(
        self, items: Items | CompiledItems, stock: Stock | None, scores: OneScores
    ) -> None:
        self._items = items
        self._stock = stock
        self._scores = scores
        self._offered: Offered | None = None
        self._own: ItemsOfOne | None = None
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
        return self._of_one().categories(CATEGORIES)

    def products(self, row: int) -> list[tuple[str, float, Relation]]:  # noqa: ARG002
        """The likeliest products in stock, with their probabilities and relations."""
        if not self._scores.consent:
            return []
        return self._of_one().products(self._for_sale(), PRODUCTS)

    def items(self, source: str, row: int, limit: int) -> list[str]:  # noqa: ARG002
        """At most ``limit`` product ids of one of :data:`SOURCES`, the likeliest first."""
        if not self._scores.consent:
            return []
        return self._of_one().ids(self._for_sale(), SOURCES[source], limit)

    def _of_one(self) -> ItemsOfOne:
        if self._own is None:
            self._own = self._items.of(self._scores.features, self._scores.moment)
        return self._own

    def _for_sale(self) -> Offered:
        if self._offered is None:
            self._offered = self._items.offered(self._stock_state())
        return self._offered

    def _stock_state(self) -> StockState:
        if self._state is None:
            moment = EPOCH + timedelta(microseconds=self._scores.moment)
            self._state = EMPTY if self._stock is None else self._stock.at(moment)
        return self._state
