"""BentoML + Feast SDK + LightGBM, BentoML as it comes: scores of customers over HTTP.

    PEER_STORE=folder bentoml serve bento_feast:Scores --working-dir loadtests/peers

``PEER_STORE`` is what ``prepare.py`` wrote. The endpoints are ``async def``, since synchronous
ones go one by one through a single thread; everything else is the framework's default.
"""

import os
from pathlib import Path

import bentoml
from answers import Prediction, predictions
from heads import Heads


@bentoml.service
class Scores:
    """Scores of one or many customers."""

    def __init__(self) -> None:
        self._heads = Heads(Path(os.environ["PEER_STORE"]))

    @bentoml.api
    async def predict(self, customer_id: str) -> Prediction:
        """Scores of one customer."""
        return predictions([customer_id], self._heads.scores([customer_id]))[0]

    @bentoml.api
    async def predict_many(self, customer_ids: list[str]) -> list[Prediction]:
        """Scores of several."""
        return predictions(customer_ids, self._heads.scores(customer_ids))
