"""What one customer may buy next: products the likeliest first, and what each is to them.

The counterpart for n customers is :class:`retain.predictors.next_items.NextItemsPredictor`.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np

from retain.items.relations import DEARER, RELATIONS, Relation
from retain.items.tables import Floats
from retain.one.candidates import Candidates, Finder
from retain.one.categories import Categories
from retain.one.features import One
from retain.one.histories import History, read
from retain.predictors import NextItemsPredictor
from retain.stock import StockState


class Ranked(NamedTuple):
    """The candidates of a customer, the best first, and their scores."""

    products: list[int]
    scores: list[float]


class Offered(NamedTuple):
    """What is for sale at a moment: what is sold out, and the price of every product.

    Attributes:
        sold_out, prices: places, and a price by place.
        gone, priced: the same of every product, a byte each and (P,).
    """

    sold_out: frozenset[int]
    prices: list[float]
    gone: bytes
    priced: Floats


class ItemsOfOne(Protocol):
    """What one customer may buy next, computed when it is asked for."""

    def categories(self, limit: int) -> list[tuple[str, float]]:
        """The likeliest categories of the next order, with their probabilities."""

    def products(self, offered: Offered, limit: int) -> list[tuple[str, float, Relation]]:
        """The likeliest products for sale, with their probabilities and relations."""

    def ids(self, offered: Offered, wanted: Collection[Relation], limit: int) -> list[str]:
        """The likeliest products for sale of these relations."""


class Items:
    """Suggests to one customer at a time by one model."""

    def __init__(self, predictor: NextItemsPredictor) -> None:
        tables = self.tables = predictor.tables
        self.predictor = predictor
        self.finder = Finder(tables, predictor.coarse.tolist())
        self._category: list[int] = tables.category.tolist()
        self._no_category = len(tables.categories)
        logistic = predictor.of_categories
        self.of_categories = None if logistic is None else Categories(tables, logistic)
        self._of_state: tuple[StockState, Offered] | None = None

    def of(self, one: One, moment: int) -> ItemsOfOne:
        """Those of a customer at ``moment`` (epoch microseconds)."""
        return PlainItems(self, read(one, moment, self.tables))

    def rank(self, history: History, offered: Offered) -> tuple[Candidates, Ranked]:
        """The candidates of a customer; what is sold out is none."""
        found = self.finder.find(history)
        if offered.sold_out:
            left = [each for each in found.products if each not in offered.sold_out]
            found = found._replace(products=left)
        scores = self.predictor.trees.raw(self.finder.matrix(found, history)).tolist()
        order = sorted(range(len(scores)), key=[-score for score in scores].__getitem__)
        products = found.products
        return found, Ranked([products[at] for at in order], [scores[at] for at in order])

    def probabilities(self, history: History, scores: list[float]) -> list[float]:
        """That the next order holds a product of each score."""
        calibration = self.predictor.calibration
        score, size, experience = calibration.weights.tolist()
        lines, orders = np.log1p(
            [history.times / max(history.orders, 1.0), history.orders]
        ).tolist()
        logits = np.array([one * score + lines * size + orders * experience for one in scores])
        bounded = np.minimum(np.maximum(calibration.intercept + logits, -36.0), 36.0)
        found: list[float] = (1.0 / (1.0 + np.exp(-bounded))).tolist()
        return found

    def relations(
        self, found: Candidates, products: list[int], offered: Offered
    ) -> Iterator[Relation]:
        """As :func:`retain.items.relations.mark`, of each of ``products`` as it is asked for."""
        category, prices, none = self._category, offered.prices, self._no_category
        dearest: dict[int, float] = {}
        for product in found.own:
            of = category[product]
            # a price that is not known, NaN, is not more than anything
            dearest[of] = max(dearest.get(of, 0.0), prices[product])
        dearest.pop(none, None)
        for product in products:
            has = dearest.get(category[product])
            if product in found.own:
                yield "repeat"
            elif has is not None:
                dearer = has > 0.0 and DEARER[0] <= prices[product] / has <= DEARER[1]
                yield "upgrade" if dearer else "similar"
            elif found.bought_with.get(product, 0.0) > 0.0:
                yield "complement"
            elif (
                product in found.viewed
                or product in found.cart
                or found.viewed_with.get(product, 0.0) > 0.0
            ):
                yield "similar"
            else:
                yield "popular"

    def categories(self, history: History, limit: int) -> list[tuple[str, float]]:
        """The likeliest categories of the next order, with their probabilities."""
        return [] if self.of_categories is None else self.of_categories.likeliest(history, limit)

    def offered(self, state: StockState) -> Offered:
        """What is for sale in this state of the product feed."""
        known = self._of_state
        if known is None or known[0] is not state:
            out, prices = self.predictor.offered(state)
            sold_out = frozenset(np.flatnonzero(out).tolist())
            offered = Offered(sold_out, prices.tolist(), out.tobytes(), prices)
            known = self._of_state = (state, offered)
        return known[1]


class PlainItems:
    """:class:`ItemsOfOne` in plain Python."""

    def __init__(self, items: Items, history: History) -> None:
        self._items = items
        self._history = history
        self._ranked: tuple[Candidates, Ranked] | None = None

    def categories(self, limit: int) -> list[tuple[str, float]]:
        """As said there."""
        return self._items.categories(self._history, limit)

    def products(self, offered: Offered, limit: int) -> list[tuple[str, float, Relation]]:
        """As said there."""
        found, ranked = self._rank(offered)
        products, ids = ranked.products[:limit], self._items.tables.product_ids
        probabilities = self._items.probabilities(self._history, ranked.scores[:limit])
        relations = self._items.relations(found, products, offered)
        told = zip(products, probabilities, relations, strict=True)
        return [(ids[product], probability, relation) for product, probability, relation in told]

    def ids(self, offered: Offered, wanted: Collection[Relation], limit: int) -> list[str]:
        """As said there."""
        found, ranked = self._rank(offered)
        ids = self._items.tables.product_ids
        if len(wanted) == len(RELATIONS):
            return [ids[product] for product in ranked.products[:limit]]
        relations = self._items.relations(found, ranked.products, offered)
        told = zip(ranked.products, relations, strict=True)
        chosen = (ids[product] for product, relation in told if relation in wanted)
        return list(islice(chosen, limit))

    def _rank(self, offered: Offered) -> tuple[Candidates, Ranked]:
        if self._ranked is None:
            self._ranked = self._items.rank(self._history, offered)
        return self._ranked
