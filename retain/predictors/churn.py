"""Churn: the probability that a customer leaves within the horizon, by the declared label."""

import numpy as np

from retain.predictors import calibrator
from retain.predictors.artefact import Artefact
from retain.predictors.blend import Blend
from retain.predictors.contributions import Contributions
from retain.predictors.trees import Floats
from retain.standing import ChurnLabel


class ChurnPredictor:
    """Calibrated probability of churn, and what the manifest says about reading it."""

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        parameters = self.manifest.parameters
        # models of before labels were declared are about orders
        self.label: ChurnLabel = parameters.get("churn_label", "no_order")
        self.hiatus_days = float(parameters["hiatus_days"])
        self._band_edges = [float(parameters["bands"][name]) for name in ("medium", "high")]
        self._blend = Blend.from_files(artefact.text("model.txt"), artefact.json("model.json"))
        self.calibrator = calibrator.from_json(artefact.json("calibration.json"))

    def probability(self, matrix: Floats) -> Floats:
        """Probabilities, (n,), for an (n, d) matrix in manifest order."""
        return self.calibrator.probability(self._blend.raw(matrix))

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to the log-odds of leaving, before calibration."""
        return self._blend.contributions(matrix)

    def band(self, probability: Floats) -> list[str]:
        """``low``, ``medium`` or ``high`` for each probability; the manifest says what it means."""
        names = ("low", "medium", "high")
        found = np.searchsorted(self._band_edges, probability, side="right")
        return [names[position] for position in found]
