"""What one customer may buy next: products the likeliest first, and what each is to them.

The counterpart for n customers is :class:`retain.predictors.next_items.NextItemsPredictor`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from retain.items.relations import DEARER, Relation
from retain.one.candidates import Candidates, Finder
from retain.one.categories import Categories
from retain.one.histories import History, read
from retain.predictors import NextItemsPredictor
from retain.rule_rows import Known
from retain.stock import StockState


class Ranked(NamedTuple):
    """The candidates of a customer, the best first, and their scores."""

    products: list[int]
    scores: list[float]


class Offered(NamedTuple):
    """What is for sale at a moment: places of what is sold out, and the price of every product."""

    sold_out: frozenset[int]
    prices: list[float]


class Items:
    """Suggests to one customer at a time by one model."""

    def __init__(self, predictor: NextItemsPredictor) -> None:
        tables = self.tables = predictor.tables
        self._predictor = predictor
        self._finder = Finder(tables, predictor.coarse.tolist())
        self._category: list[int] = tables.category.tolist()
        self._no_category = len(tables.categories)
        logistic = predictor.of_categories
        self._categories = None if logistic is None else Categories(tables, logistic)
        self._of_state: tuple[StockState, Offered] | None = None

    def history(self, one: Known, moment: int) -> History:
        """What is read of a customer at ``moment`` (epoch microseconds)."""
        return read(one, moment, self.tables)

    def rank(self, history: History, offered: Offered) -> tuple[Candidates, Ranked]:
        """The candidates of a customer; what is sold out is none."""
        found = self._finder.find(history)
        if offered.sold_out:
            left = [each for each in found.products if each not in offered.sold_out]
            found = found._replace(products=left)
        scores = self._predictor.trees.raw(self._finder.matrix(found, history)).tolist()
        order = sorted(range(len(scores)), key=[-score for score in scores].__getitem__)
        products = found.products
        return found, Ranked([products[at] for at in order], [scores[at] for at in order])

    def probabilities(self, history: History, scores: list[float]) -> list[float]:
        """That the next order holds a product of each score."""
        calibration = self._predictor.calibration
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
        return [] if self._categories is None else self._categories.likeliest(history, limit)

    def offered(self, state: StockState) -> Offered:
        """What is for sale in this state of the product feed."""
        known = self._of_state
        if known is None or known[0] is not state:
            out, prices = self._predictor.offered(state)
            sold_out = frozenset(np.flatnonzero(out).tolist())
            known = self._of_state = (state, Offered(sold_out, prices.tolist()))
        return known[1]
