"""Calibrators: a score in log-odds to a probability that means what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from retain.predictors.trees import Floats


def sigmoid(logit: Floats) -> Floats:
    """Log-odds to probability."""
    bounded = np.minimum(np.maximum(logit, -36.0), 36.0)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)), dtype=np.float64)


def log_odds(probability: Floats) -> Floats:
    """Probability to log-odds; finite also at 0 and 1."""
    inside = np.clip(probability, 1e-15, 1.0 - 1e-15)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


class Calibrator(Protocol):
    """What every calibrator does."""

    def probability(self, logit: Floats) -> Floats:
        """Probabilities, of the shape of ``logit``; never falling as the log-odds rise."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, with the method's name."""
        ...


@dataclass(frozen=True, slots=True)
class Platt:
    """``sigmoid(slope · logit + offset)`` (Platt 1999)."""

    slope: float
    offset: float

    def probability(self, logit: Floats) -> Floats:
        """Probabilities, of the shape of ``logit``."""
        return sigmoid(self.slope * logit + self.offset)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"method": "platt", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Linear between the knots of a monotone fit (Zadrozny and Elkan 2002)."""

    logits: Floats
    probabilities: Floats

    def probability(self, logit: Floats) -> Floats:
        """Probabilities, of the shape of ``logit``."""
        return np.asarray(np.interp(logit, self.logits, self.probabilities), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "method": "isotonic",
            "logits": self.logits.tolist(),
            "probabilities": self.probabilities.tolist(),
        }


def from_json(content: Mapping[str, Any]) -> Calibrator:
    """The calibrator that ``to_json`` wrote; KeyError for an unknown method."""
    if content["method"] == "platt":
        return Platt(content["slope"], content["offset"])
    if content["method"] == "isotonic":
        return Isotonic(
            np.array(content["logits"], dtype=np.float64),
            np.array(content["probabilities"], dtype=np.float64),
        )
    raise KeyError(content["method"])
