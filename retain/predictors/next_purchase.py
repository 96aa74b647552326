"""Next purchase: one survival curve per customer, from which every answer is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retain.predictors.artefact import Artefact
from retain.predictors.blend import Blend
from retain.predictors.calibrator import sigmoid
from retain.predictors.contributions import Contributions
from retain.predictors.trees import Floats

LONGEST_DAYS = 3650.0
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class PurchaseCurve:
    """Read from one curve, so the answers cannot contradict; every array is (n,).

    Attributes:
        p7, p30, p90: probability of an order within so many days.
        median_days, low_days, high_days: time to the next order: median and 80 % interval.
    """

    p7: Floats
    p30: Floats
    p90: Floats
    median_days: Floats
    low_days: Floats
    high_days: Floats


@dataclass(frozen=True, slots=True)
class Hazards:
    """From scores to hazards: ``sigmoid(offset + slope · score of the bin's phase)``.

    Attributes:
        ends: last day of each bin, ascending, (k,).
        phases: which of the customer's scores each bin reads, (k,).
        tail_from: index of the first bin whose mean hazard goes on beyond the last one.
    """

    ends: Floats
    phases: tuple[int, ...]
    offsets: Floats
    slopes: Floats
    tail_from: int

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        return cls(
            np.array(content["ends"], dtype=np.float64),
            tuple(content["phases"]),
            np.array(content["offsets"], dtype=np.float64),
            np.array(content["slopes"], dtype=np.float64),
            int(content["tail_from"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "ends": self.ends.tolist(),
            "phases": list(self.phases),
            "offsets": self.offsets.tolist(),
            "slopes": self.slopes.tolist(),
            "tail_from": self.tail_from,
        }

    def cumulative(self, scores: Floats) -> Floats:
        """Cumulative hazard ``-log S`` at day 0, each bin's end and :data:`LONGEST_DAYS`.

        Args:
            scores: one column per phase, (n, phases).

        Returns:
            (n, k + 2), never falling along a row.
        """
        hazard = sigmoid(self.offsets + self.slopes * scores[:, list(self.phases)])
        within = np.cumsum(-np.log1p(-hazard), axis=1)
        before = within[:, self.tail_from - 1] if self.tail_from else np.zeros(len(within))
        since = self.ends[self.tail_from - 1] if self.tail_from else 0.0
        rate = (within[:, -1] - before) / (self.ends[-1] - since)
        beyond = within[:, -1] + rate * (LONGEST_DAYS - self.ends[-1])
        return np.column_stack([np.zeros(len(within)), within, beyond])

    @property
    def days(self) -> Floats:
        """The days that belong to the columns of :meth:`cumulative`."""
        return np.concatenate([[0.0], self.ends, [LONGEST_DAYS]])


def probability_within(days: Floats, cumulative: Floats, horizon_days: float) -> Floats:
    """Probability of an order within ``horizon_days``, (n,); hazards are constant in a bin."""
    right = int(np.clip(np.searchsorted(days, horizon_days), 1, len(days) - 1))
    share = (horizon_days - days[right - 1]) / (days[right] - days[right - 1])
    reached = cumulative[:, right - 1] + share * (cumulative[:, right] - cumulative[:, right - 1])
    return np.asarray(-np.expm1(-reached), dtype=np.float64)


def days_until(days: Floats, cumulative: Floats, quantile: float) -> Floats:
    """Days until the probability of an order reaches ``quantile``, (n,), at most the longest."""
    target = -np.log1p(-quantile)
    right = np.clip((cumulative < target).sum(axis=1), 1, len(days) - 1)
    rows = np.arange(len(cumulative))
    below, above = cumulative[rows, right - 1], cumulative[rows, right]
    share = np.clip((target - below) / np.maximum(above - below, 1e-300), 0.0, 1.0)
    return np.asarray(days[right - 1] + share * (days[right] - days[right - 1]), dtype=np.float64)


class NextPurchasePredictor:
    """A discrete-time survival model: two tree rows per customer, whatever the bins."""

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        self._blend = Blend.from_files(artefact.text("model.txt"), artefact.json("model.json"))
        self._hazards = Hazards.from_json(artefact.json("hazards.json"))
        self._phases = max(self._hazards.phases) + 1

    def curve(self, matrix: Floats) -> PurchaseCurve:
        """The curve's answers for an (n, d) matrix in manifest order."""
        days = self._hazards.days
        cumulative = self._hazards.cumulative(self.scores(matrix))
        p7, p30, p90 = (probability_within(days, cumulative, at) for at in (7.0, 30.0, 90.0))
        low, median, high = (days_until(days, cumulative, at) for at in QUANTILES)
        return PurchaseCurve(p7, p30, p90, median, low, high)

    def scores(self, matrix: Floats) -> Floats:
        """One score per phase, (n, phases)."""
        return by_phase(self._blend, matrix, self._phases)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to the mean of :meth:`scores` over the phases."""
        rows = with_phases(matrix, self._phases)
        parts = self._blend.contributions(rows).constant(matrix.shape[1])
        shape = (len(matrix), self._phases)
        return Contributions(
            parts.values.reshape(*shape, matrix.shape[1]).mean(axis=1),
            parts.base.reshape(shape).mean(axis=1),
        )


def by_phase(blend: Blend, matrix: Floats, phases: int) -> Floats:
    """Score each row once per phase, the phase being its last column: (n, phases)."""
    return blend.raw(with_phases(matrix, phases)).reshape(len(matrix), phases)


def with_phases(matrix: Floats, phases: int) -> Floats:
    """Each row once per phase, the phase being its last column: (n * phases, d + 1)."""
    rows = np.repeat(matrix, phases, axis=0)
    phase = np.tile(np.arange(phases, dtype=np.float64), len(matrix))
    return np.column_stack([rows, phase])
