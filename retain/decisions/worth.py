"""What an action is expected to bring: uplift x value x margin - costs, every term kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions.actions import Catalogue
from retain.features.matrix import to_matrix
from retain.manifest import Manifest
from retain.rules import Amount

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


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
    treatment: Places
    conversion: Floats
    uplift: Floats
    value: Floats
    redemption_cost: Floats
    modelled: NDArray[np.bool_]


class Appraiser:
    """Appraises every treatment of every action, and keeps the best treatment of each."""

    def __init__(self, catalogue: Catalogue, response: ResponseModel | None) -> None:
        self._response = response
        self._ids = [action.id for action in catalogue.actions]
        self._value = _Formulas(catalogue.values, self._ids)
        self._conversion = _Formulas(catalogue.conversions, self._ids)
        self._uplift = _Formulas(catalogue.uplifts, self._ids)
        self._basket = catalogue.basket
        arms = [
            (place, number, arm.strength, arm.discount, arm.reward)
            for place, action in enumerate(catalogue.actions)
            for number, arm in enumerate(action.treatments)
        ]
        places, numbers, strength, discount, reward = zip(*arms, strict=True)
        self._of_arm: Places = np.array(places)
        self._number: Places = np.array(numbers)
        self._strength, self._discount, self._reward = map(np.array, (strength, discount, reward))
        of_arm = [catalogue.actions[place] for place in places]
        self._margin = np.array([action.margin for action in of_arm])
        self._cost = np.array([action.contact_cost for action in of_arm])
        self._lever = np.array([action.lever for action in of_arm])
        self._first: Places = np.flatnonzero(self._number == 0)
        several = [len(action.treatments) for action in catalogue.actions]
        self._choices = [
            (place, int(self._first[place]), count)
            for place, count in enumerate(several)
            if count > 1
        ]

    def appraise(self, columns: Columns, rows: int) -> Worth:
        """The worth of every action for every row of ``columns``."""
        value = self._value.evaluate(columns, rows)
        control = np.clip(self._conversion.evaluate(columns, rows), 0.0, 1.0)
        uplift = np.clip(self._uplift.evaluate(columns, rows), -1.0, 1.0)
        control, uplift, modelled = self._measured(columns, control, uplift)
        before = control[:, self._of_arm]
        conversion = np.clip(before + uplift[:, self._of_arm] * self._strength, 0.0, 1.0)
        added = conversion - before
        basket = self._basket.evaluate(columns, rows)[:, np.newaxis]
        redemption = conversion * (self._discount * basket + self._reward)
        gain = added * value[:, self._of_arm] * self._margin - self._cost - redemption
        expected = gain * self._lever
        best = self._best(expected)

        def chosen(terms: Floats) -> Floats:
            return np.take_along_axis(terms, best, axis=1)

        return Worth(
            expected=chosen(expected),
            treatment=self._number[best],
            conversion=chosen(conversion),
            uplift=chosen(added),
            value=value,
            redemption_cost=chosen(redemption),
            modelled=modelled,
        )

    def _measured(
        self, columns: Columns, control: Floats, uplift: Floats
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        model = self._response
        if model is None or not set(model.manifest.feature_names) <= columns.keys():
            return control, uplift, np.zeros(control.shape, dtype=np.bool_)
        matrix = to_matrix(columns, model.manifest.features)
        treated, held_out = model.response(matrix, self._ids)
        known = np.isfinite(treated) & np.isfinite(held_out)
        return (
            np.where(known, held_out, control),
            np.where(known, treated - held_out, uplift),
            known,
        )

    def _best(self, expected: Floats) -> Places:
        best = np.tile(self._first, (len(expected), 1))
        for place, first, count in self._choices:
            best[:, place] += expected[:, first : first + count].argmax(axis=1)
        return best


class _Formulas:
    """One formula per action, each distinct one evaluated once."""

    def __init__(self, amounts: Mapping[str, Amount], names: Sequence[str]) -> None:
        distinct = {amounts[name].text: amounts[name] for name in names}
        texts = list(distinct)
        self._amounts = list(distinct.values())
        self._of_action: Places = np.array([texts.index(amounts[name].text) for name in names])

    def evaluate(self, columns: Columns, rows: int) -> Floats:
        values = np.empty((rows, len(self._amounts)))
        for place, amount in enumerate(self._amounts):
            values[:, place] = amount.evaluate(columns, rows)
        return values[:, self._of_action]
