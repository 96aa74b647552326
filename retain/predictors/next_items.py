"""Next items: the products and categories a customer's next order may hold, best first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.items import candidates, categories, histories, relations
from retain.items.logistic import Logistic
from retain.items.tables import FILE_NAME, Floats, ItemTables, Places
from retain.predictors.artefact import Artefact
from retain.predictors.trees import Trees
from retain.stock import EMPTY, StockState


@dataclass(frozen=True, slots=True)
class ItemScores:
    """Candidates of n customers, each customer's best first.

    Attributes:
        starts: where each customer's candidates begin, (n + 1,).
        products: places in the tables, (m,).
        probabilities: that the next order holds the product, (m,).
        relations: positions in :data:`retain.items.relations.RELATIONS`, (m,).
        categories: probability that the next order holds the category, (n, C).
    """

    starts: Places
    products: Places
    probabilities: Floats
    relations: NDArray[np.intp]
    categories: Floats


class NextItemsPredictor:
    """Candidates ranked by trees (LambdaMART, Burges 2010), categories by logistic regression.

    For one customer in plain numbers: :class:`retain.one.items.Items`.

    Attributes:
        tables: what is known of products and categories.
        trees: rank the candidates.
        coarse: weights of what decides who is a candidate, (len(COARSE),).
        calibration: of a product's score.
        of_categories: None where there are no categories.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        content = artefact.json(FILE_NAME)
        self.tables = ItemTables.from_json(content["tables"])
        self.coarse = np.array(content["coarse"], dtype=np.float64)
        self.calibration = Logistic.from_json(content["calibration"])
        self.of_categories = (
            Logistic.from_json(content["categories"]) if content["categories"] else None
        )
        self.trees = Trees(artefact.text("model.txt"))
        self._of_state: tuple[StockState, NDArray[np.bool_], Floats] | None = None

    def score(
        self, columns: Columns, as_of: NDArray[np.datetime64], stock: StockState = EMPTY
    ) -> ItemScores:
        """Scores from read-time columns of n rows, without what ``stock`` says is sold out."""
        known = histories.read(columns, as_of, self.tables)
        out, price = self.offered(stock)
        found = candidates.find(known, self.tables, self.coarse)
        if out.any():
            found = found.where(~out[found.products])
        matrix = candidates.matrix(found, known, self.tables)
        raw = self.trees.raw(matrix)
        order = np.lexsort((-raw, found.rows))
        related = relations.mark(found, known, self.tables, price)
        size = calibrated(raw, found.rows, known)
        return ItemScores(
            starts=np.searchsorted(found.rows, np.arange(len(known) + 1)),
            products=found.products[order],
            probabilities=self.calibration.probability(size)[order],
            relations=related[order],
            categories=self._categories(known),
        )

    def _categories(self, known: histories.Histories) -> Floats:
        if self.of_categories is None:
            return np.zeros((len(known), 0))
        seen = categories.matrix(known, self.tables)
        return self.of_categories.probability(seen).reshape(len(known), -1)

    def offered(self, state: StockState) -> tuple[NDArray[np.bool_], Floats]:
        """Which products are sold out, and the price of each, (P,)."""
        known = self._of_state
        if known is None or known[0] is not state:
            ids = self.tables.product_ids
            out = np.array([one in state.out_of_stock for one in ids], dtype=np.bool_)
            told = np.array([state.prices.get(one, np.nan) for one in ids])
            price = np.where(np.isnan(told), self.tables.price, told)
            known = self._of_state = (state, out, price)
        return known[1:]


def calibrated(raw: Floats, rows: Places, known: histories.Histories) -> Floats:
    """What the calibration of product scores reads, (m, 3): the score, and how much one orders."""
    lines = known.times.sum(axis=1) / np.maximum(known.orders, 1.0)
    return candidates.columns_of(raw, np.log1p(lines)[rows], np.log1p(known.orders)[rows])
