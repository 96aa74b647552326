"""Who orders again and when: the model that churn and next purchase share."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from retain.manifest import Manifest
from retain.predictors.artefact import Artefact
from retain.predictors.blend import Blend
from retain.predictors.calibrator import log_odds
from retain.predictors.contributions import Contributions, Floats, Season
from retain.predictors.survival import Clock, Curves, Hazards, Reading
from retain.predictors.yearly import Times

FILE_NAME = "hazards.json"
_SEASON = "season.json"
_FILES = ("model.txt", "model.json", FILE_NAME, _SEASON)


class Orders:
    """A score per customer, and the curve it stands for."""

    def __init__(self, artefact: Artefact) -> None:
        self.blend = Blend.from_files(artefact.text("model.txt"), artefact.json("model.json"))
        self.reader = Curves(
            Hazards.from_json(artefact.json(FILE_NAME)),
            Clock.from_json(artefact.json(_SEASON)),
        )

    def curves(self, matrix: Floats, as_of: Times) -> Reading:
        """The curves of an (n, d) matrix in manifest order, from each moment on, (n,)."""
        return self.reader.read(self.score(matrix), as_of)

    def score(self, matrix: Floats) -> Floats:
        """Higher is sooner, (n,)."""
        return self.blend.raw(matrix)

    def season(self, matrix: Floats, as_of: Times, days: float) -> Season:
        """What the season adds to the log-odds of an order within ``days`` from each moment."""
        found = self.curves(matrix, as_of)
        even = replace(found, average=np.broadcast_to(found.calendar, found.average.shape))
        part = log_odds(found.probability(days)) - log_odds(even.probability(days))
        return Season(part, found.worth(days) / days, days)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`score`."""
        return self.blend.contributions(matrix)


class ReadsOrders(Protocol):
    """A predictor that may read a curve of the next order."""

    manifest: Manifest

    @property
    def orders(self) -> Orders | None:
        """What makes the curve."""


def read_one_curve(churn: ReadsOrders, purchase: ReadsOrders) -> bool:
    """Whether both read the same curve: every file that makes it is the same."""
    if churn.orders is None or purchase.orders is None:
        return False
    one, other = (
        [predictor.manifest.files.get(name) for name in _FILES] for predictor in (churn, purchase)
    )
    same = one == other and None not in one
    return same and churn.manifest.features == purchase.manifest.features
