"""What an action is expected to bring: uplift x value x margin - costs, every term kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retain.actions import Catalogue
from retain.columns import Columns
from retain.features.matrix import to_matrix
from retain.manifest import Manifest
from retain.rules import Amount

Floats = NDArray[np.float64]


class ResponseModel(Protocol):
    """What the ranking needs of a response model; NaN where it knows nothing of an action."""

    @property
    def manifest(self) -> Manifest:
        """Names the model and its features in vector order."""

    def response(self, matrix: Floats, action_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Probability of conversion with and without the action, each (n, a)."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Terms of n customers x a actions, each for the action's best treatment.

    Attributes:
        expected: expected incremental value, levered: what actions are ranked by.
        treatment: position of the best treatment among the action's.
        conversion: probability of conversion with the action.
        uplift: what the action adds to it.
        value: worth of one conversion, before margin.
        redemption_cost: expected discount and reward given away.
        modelled: whether the uplift is the model's; else the catalogue's prior.
    """

    expected: Floats
    treatment: NDArray[np.int64]
    conversion: Floats
    uplift: Floats
    value: Floats
    redemption_cost: Floats
    modelled: NDArray[np.bool_]


def appraise(
    catalogue: Catalogue, response: ResponseModel | None, columns: Columns, rows: int
) -> Worth:
    """The worth of every action for every row of ``columns``."""
    actions = catalogue.actions
    amounts = _Amounts(columns, rows)
    value = amounts.of(catalogue.values, [a.id for a in actions])
    control = np.clip(amounts.of(catalogue.conversions, [a.id for a in actions]), 0.0, 1.0)
    uplift = np.clip(amounts.of(catalogue.uplifts, [a.id for a in actions]), -1.0, 1.0)
    modelled = np.zeros(value.shape, dtype=np.bool_)
    if response is not None and set(response.manifest.feature_names) <= columns.keys():
        matrix = to_matrix(columns, response.manifest.features)
        treated, held_out = response.response(matrix, [a.id for a in actions])
        modelled = np.isfinite(treated) & np.isfinite(held_out)
        control = np.where(modelled, held_out, control)
        uplift = np.where(modelled, treated - held_out, uplift)
    basket = amounts.one(catalogue.basket)
    best = _start(value.shape)
    for place, action in enumerate(actions):
        for number, treatment in enumerate(action.treatments):
            conversion = np.clip(
                control[:, place] + uplift[:, place] * treatment.strength, 0.0, 1.0
            )
            added = conversion - control[:, place]
            redemption = conversion * (treatment.discount * basket + treatment.reward)
            gain = added * value[:, place] * action.margin - action.contact_cost - redemption
            expected = gain * action.lever
            better = ~(expected <= best.expected[:, place])
            best.expected[better, place] = expected[better]
            best.treatment[better, place] = number
            best.conversion[better, place] = conversion[better]
            best.uplift[better, place] = added[better]
            best.redemption_cost[better, place] = redemption[better]
    best.value[:] = value
    best.modelled[:] = modelled
    return best


class _Amounts:
    def __init__(self, columns: Columns, rows: int) -> None:
        self._columns = columns
        self._rows = rows
        self._known: dict[str, Floats] = {}

    def one(self, amount: Amount) -> Floats:
        known = self._known.get(amount.text)
        if known is None:
            known = self._known[amount.text] = amount.evaluate(self._columns, self._rows)
        return known

    def of(self, amounts: Mapping[str, Amount], names: Sequence[str]) -> Floats:
        return np.column_stack([self.one(amounts[name]) for name in names])


def _start(shape: tuple[int, ...]) -> Worth:
    def missing() -> Floats:
        return np.full(shape, np.nan)

    return Worth(
        expected=np.full(shape, -np.inf),
        treatment=np.zeros(shape, dtype=np.int64),
        conversion=missing(),
        uplift=missing(),
        value=missing(),
        redemption_cost=missing(),
        modelled=np.zeros(shape, dtype=np.bool_),
    )
