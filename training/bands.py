"""Risk bands on the holdout: how many of each band left, beside what the band promises."""

import numpy as np

from retain.predictors.trees import Floats
from retain.reasons.bands import BANDS
from training.bootstrap import Bootstrap
from training.head import Judgement
from training.metrics import Statistic

LEAST_ROWS = 50


def judged(
    bootstrap: Bootstrap, left: Floats, probability: Floats, edges: dict[str, float]
) -> tuple[Judgement, ...]:
    """``left_in_<band>``: the share who left, for every band with enough rows."""
    bands = np.searchsorted([edges["medium"], edges["high"]], probability, side="right")
    return tuple(
        Judgement(f"left_in_{name}", bootstrap.of(_share(left, bands == place)))
        for place, name in enumerate(BANDS)
        if (bands == place).sum() >= LEAST_ROWS
    )


def _share(left: Floats, inside: np.ndarray) -> Statistic:
    def of(weight: Floats) -> float:
        within = weight * inside
        return float((within * left).sum() / within.sum()) if within.any() else float("nan")

    return of
