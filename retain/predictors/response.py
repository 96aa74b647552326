"""Response: how likely a customer orders after an action, treated and held out."""

from collections.abc import Sequence

import numpy as np

from retain.predictors import calibrator
from retain.predictors.artefact import Artefact
from retain.predictors.trees import Floats, Trees


class ResponsePredictor:
    """One model of customer, action and treatment (an S-learner, Künzel et al. 2019)."""

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        self.action_ids = tuple(str(action) for action in self.manifest.parameters["action_ids"])
        self.window_days = float(self.manifest.parameters["window_days"])
        self._trees = Trees(artefact.text("model.txt"))
        self._calibrator = calibrator.from_json(artefact.json("calibration.json"))

    def response(self, matrix: Floats, action_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Probability of an order within the window, treated and not, each (n, a).

        An action that no campaign tried has NaN in its column: nothing is known of it.
        """
        shape = (len(matrix), len(action_ids))
        treated, control = np.full(shape, np.nan), np.full(shape, np.nan)
        known = [place for place, action in enumerate(action_ids) if action in self.action_ids]
        if known and len(matrix):
            codes = [self.action_ids.index(action_ids[place]) for place in known]
            stacked = np.vstack(
                [
                    assigned(matrix, np.full(len(matrix), code), len(self.action_ids), arm)
                    for arm in (1.0, 0.0)
                    for code in codes
                ]
            )
            flat = self._calibrator.probability(self._trees.raw(stacked))
            arms = flat.reshape(2, len(known), len(matrix)).transpose(0, 2, 1)
            treated[:, known], control[:, known] = arms
        return treated, control


def assigned(
    matrix: Floats, codes: Sequence[int] | np.ndarray, actions: int, treated: float | Floats
) -> Floats:
    """The model's input: features, one column per action, and whether it was carried out."""
    one_hot = np.zeros((len(matrix), actions))
    one_hot[np.arange(len(matrix)), codes] = 1.0
    return np.column_stack([matrix, one_hot, np.broadcast_to(treated, len(matrix))])
