"""What is known of somebody nobody knows: enough for what is meant for everybody new."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns

STAGE = "awareness"
"""The journey stage of customers without any event (config/segments.yaml)."""


def columns(*, anonymous: bool) -> Columns:
    """One row: the stage of those who have just come; of a visitor, that no address is known.

    Everything else is missing, so that rules and formulas of the catalogue fall back on what they
    say of the population.
    """
    known: dict[str, NDArray[Any]] = {"stage": _one(STAGE)}
    if anonymous:
        known["reachable_channels"] = _one(["web", "in_app"])
    return known


def _one(value: Any) -> NDArray[Any]:
    column = np.empty(1, dtype=object)
    column[0] = value
    return column
