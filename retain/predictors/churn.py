"""Churn: the probability that a customer leaves within the horizon, by the declared label."""

from dataclasses import replace

import numpy as np

from retain.predictors import calibrator, orders
from retain.predictors.artefact import Artefact
from retain.predictors.blend import Blend
from retain.predictors.calibrator import Calibrator
from retain.predictors.contributions import Contributions, Season
from retain.predictors.orders import Orders
from retain.predictors.survival import Reading
from retain.predictors.trees import Floats
from retain.predictors.yearly import Times
from retain.standing import ChurnLabel


class ChurnPredictor:
    """Probability of churn, and what the manifest says about reading it.

    Where leaving means placing no order, it is the rest of the next purchase's curve at the
    horizon: the two heads cannot contradict. Any other label has a calibrated score of its own.
    """

    BANDS = ("low", "medium", "high")

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        parameters = self.manifest.parameters
        # models of before labels were declared are about orders
        self.label: ChurnLabel = parameters.get("churn_label", "no_order")
        self.hiatus_days = float(parameters["hiatus_days"])
        self.band_edges = [float(parameters["bands"][name]) for name in self.BANDS[1:]]
        by_curve = orders.FILE_NAME in artefact.files
        self._way = _ByCurve(artefact) if by_curve else _ByScore(artefact)

    @property
    def orders(self) -> Orders | None:
        """The curve it is read from; None where the label has a score of its own."""
        return self._way.orders if isinstance(self._way, _ByCurve) else None

    @property
    def calibrator(self) -> Calibrator | None:
        """Of a score of its own; None where it is read from a curve."""
        return None if isinstance(self._way, _ByCurve) else self._way.calibrator

    @property
    def blend(self) -> Blend:
        """What scores a customer."""
        return self._way.orders.blend if isinstance(self._way, _ByCurve) else self._way.blend

    def probability(self, matrix: Floats, as_of: Times) -> Floats:
        """Probabilities, (n,), for an (n, d) matrix in manifest order, from each moment on."""
        return self._way.probability(matrix, as_of)

    def read(self, found: Reading) -> Floats:
        """What curves that were made before say, (n,), where it is read from one."""
        return 1.0 - found.probability(float(self.manifest.horizon_days))

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to the log-odds of leaving, before calibration and season."""
        return self._way.contributions(matrix)

    def season(self, matrix: Floats, as_of: Times) -> Season:
        """What the season adds to the log-odds of leaving, beside average days."""
        return self._way.season(matrix, as_of)

    def band(self, probability: Floats) -> list[str]:
        """``low``, ``medium`` or ``high`` for each probability; the manifest says what it means."""
        found = np.searchsorted(self.band_edges, probability, side="right")
        return [self.BANDS[position] for position in found]


class _ByCurve:
    def __init__(self, artefact: Artefact) -> None:
        self.orders = Orders(artefact)
        self._horizon_days = float(artefact.manifest.horizon_days)

    def probability(self, matrix: Floats, as_of: Times) -> Floats:
        return 1.0 - self.orders.curves(matrix, as_of).probability(self._horizon_days)

    def contributions(self, matrix: Floats) -> Contributions:
        return self.orders.contributions(matrix).times(-1.0)

    def season(self, matrix: Floats, as_of: Times) -> Season:
        found = self.orders.season(matrix, as_of, self._horizon_days)
        return replace(found, part=-found.part)


class _ByScore:
    def __init__(self, artefact: Artefact) -> None:
        self._horizon_days = float(artefact.manifest.horizon_days)
        self.blend = Blend.from_files(artefact.text("model.txt"), artefact.json("model.json"))
        self.calibrator = calibrator.from_json(artefact.json("calibration.json"))

    def probability(self, matrix: Floats, as_of: Times) -> Floats:  # noqa: ARG002
        return self.calibrator.probability(self.blend.raw(matrix))

    def contributions(self, matrix: Floats) -> Contributions:
        return self.blend.contributions(matrix)

    def season(self, matrix: Floats, as_of: Times) -> Season:  # noqa: ARG002
        return Season(np.zeros(len(matrix)), np.ones(len(matrix)), self._horizon_days)
