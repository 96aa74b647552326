"""What one customer may buy next."""

import numpy as np

from retain.items.suggestions import Suggestions
from retain.one.columns import OneColumns
from retain.one.scoring import OneScores
from retain.predictors import NextItemsPredictor
from retain.stock import Stock


class Suggesting:
    """Suggestions by one model; without a model there are none."""

    def __init__(self, predictor: NextItemsPredictor | None, stock: Stock | None) -> None:
        self._predictor = predictor
        self._stock = stock

    def suggestions(self, scores: OneScores) -> Suggestions | None:
        """Those of one customer, computed when they are asked for."""
        if self._predictor is None:
            return None
        as_of = np.array([scores.moment]).view("M8[us]")
        allowed = np.array([scores.consent])
        columns = OneColumns(scores.features)
        return Suggestions(self._predictor, columns, as_of, allowed, self._stock)
