"""Response: how likely a customer orders after an action, treated and held out."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from retain.predictors import calibrator
from retain.predictors.artefact import Artefact
from retain.predictors.effects import MODELS, Effects, Level, Scored
from retain.predictors.trees import Floats, Trees

Mode = Literal["uplift", "response_only"]


class ResponsePredictor:
    """What the learner of uplift that the manifest names says of customers and actions.

    Attributes:
        mode: ``response_only`` where no campaign had a hold-out: then what an action adds is
            unknown, and only how many order after it is told.
        mean_response: share that ordered among the treated, per action.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        given = self.manifest.parameters
        self.action_ids = tuple(str(action) for action in given["action_ids"])
        self._codes = {action: code for code, action in enumerate(self.action_ids)}
        self.window_days = float(given["window_days"])
        self.mean_response = {str(k): float(v) for k, v in given["mean_response"].items()}
        side = artefact.json("effects.json")
        models = {
            name: Scored(
                Trees(artefact.text(f"{name}.txt")),
                calibrator.from_json(side["calibration"][name]) if name != "effect" else None,
            )
            for name in MODELS[side["learner"]]
        }
        self._effects = Effects(
            side["learner"],
            len(self.action_ids),
            bool(side["separate"]),
            models,
            Level.from_json(side["level"]),
            factors=np.array(side["factors"]) if "factors" in side else None,
        )
        self.mode: Mode = "response_only" if side["learner"] == "response" else "uplift"

    def response(self, matrix: Floats, action_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Probability of an order within the window, treated and not, each (n, a).

        An action that no campaign tried has NaN in its column: nothing is known of it. In
        ``response_only`` mode all that is known is the first of the two.
        """
        codes = [self._codes.get(action, -1) for action in action_ids]
        if len(matrix) and codes and min(codes) >= 0:
            return self._effects.outcomes(matrix, codes)
        shape = (len(matrix), len(action_ids))
        treated, control = np.full(shape, np.nan), np.full(shape, np.nan)
        known = [place for place, code in enumerate(codes) if code >= 0]
        if known and len(matrix):
            outcomes = self._effects.outcomes(matrix, [codes[place] for place in known])
            treated[:, known], control[:, known] = outcomes
        return treated, control
