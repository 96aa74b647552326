"""A LightGBM model as the serving process uses it: one thread, raw scores."""

import lightgbm
import numpy as np

from retain.errors import FingerprintMismatch
from retain.predictors.contributions import Contributions, Floats
from retain.predictors.few_rows import MOST, FewRows
from retain.predictors.flat_trees import Walker, walker
from retain.predictors.single_row import SingleRow

__all__ = ["Floats", "Trees"]


class Trees:
    """``text`` must have been proven loadable (:mod:`retain.predictors.quarantine`).

    Attributes:
        width: how many columns the model reads.
        walker: what scores rows in LightGBM's place; None where LightGBM does.
    """

    def __init__(self, text: str) -> None:
        self._booster = lightgbm.Booster(model_str=text)
        self.width = int(self._booster.num_feature())
        self._single = SingleRow(self._booster, self.width)
        self._few = FewRows(self._booster, self.width)
        self.walker: Walker | None = walker(text, self.width, self._asked)

    def raw(self, matrix: Floats) -> Floats:
        """Scores in link space, (n,), of an (n, width) matrix; NaN is a missing value.

        Raises:
            FingerprintMismatch: the matrix has another width than the model.
        """
        if matrix.shape[1] != self.width:
            raise FingerprintMismatch(
                f"the model reads {self.width} columns, the matrix has {matrix.shape[1]}",
                remedy="build the matrix from the model's own manifest",
            )
        if not len(matrix):
            return np.empty(0)
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        return self._asked(matrix) if self.walker is None else self.walker.raw(matrix)

    def _asked(self, matrix: Floats) -> Floats:
        if len(matrix) == 1:
            return np.array([self._single.raw(matrix[0])])
        if len(matrix) <= MOST:
            return self._few.raw(matrix)
        scores = self._booster.predict(matrix, raw_score=True, num_threads=1)
        return np.asarray(scores, dtype=np.float64)

    def raw_of_row(self, row: Floats) -> float:
        """As :meth:`raw`, of one contiguous row, (width,), whose width was looked at before."""
        return self._single.raw(row) if self.walker is None else self.walker.raw_of_row(row)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`raw`."""
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        if not len(matrix):
            return Contributions(np.empty((0, self.width)), np.empty(0))
        parts = self._booster.predict(matrix, pred_contrib=True, num_threads=1)
        both = np.asarray(parts, dtype=np.float64)
        return Contributions(both[:, :-1], both[:, -1])
