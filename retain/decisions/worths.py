"""What every action is worth to n customers at once; see :mod:`retain.decisions.worth`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions.actions import Action
from retain.decisions.channels import HISTORY
from retain.decisions.terms import BASES
from retain.decisions.worth import Appraiser, Worth
from retain.rules import Amount

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_PRIOR, _MODEL, _RESPONSE = (BASES.index(basis) for basis in ("prior", "model", "response"))


@dataclass(frozen=True)
class Worths:
    """The fields of :class:`~retain.decisions.worth.Worth` of n customers x a actions."""

    expected: Floats
    treatment: Places
    basis: Places
    conversion: Floats
    uplift: Floats
    value: Floats
    redemption_cost: Floats
    context_weight: Floats
    channel_weight: Floats

    @cached_property
    def tables(self) -> list[NDArray[Any]]:
        """All of them, in the order of :class:`~retain.decisions.worth.Worth`."""
        return [getattr(self, each.name) for each in fields(self)]

    def of_row(self, row: int) -> "OfOne":
        """Those of one customer."""
        return OfOne(self, row)


class OfOne:
    """The worth of the actions for one of many customers."""

    def __init__(self, worths: Worths, row: int) -> None:
        self._worths = worths
        self._row = row
        self._expected: list[float] = worths.expected[row].tolist()
        self._all: list[Worth] | None = None

    def expected(self, place: int) -> float:
        """The expected value of the action at ``place`` of the catalogue."""
        return self._expected[place]

    def of(self, place: int) -> Worth:
        """All its terms."""
        if self._all is None:
            row = self._row
            self._all = list(map(Worth, *[table[row].tolist() for table in self._worths.tables]))
        return self._all[place]


class Appraisers:
    """Appraises every treatment of every action for many, and keeps the best of each."""

    def __init__(self, appraiser: Appraiser) -> None:
        catalogue = appraiser.catalogue
        self._one = appraiser
        self._value = _Formulas([catalogue.values[one] for one in appraiser.ids])
        self._conversion = _Formulas([catalogue.conversions[one] for one in appraiser.ids])
        self._uplift = _Formulas([catalogue.uplifts[one] for one in appraiser.ids])
        arms = [
            (place, number, arm.strength, arm.discount, arm.reward)
            for place, action in enumerate(catalogue.actions)
            for number, arm in enumerate(action.treatments)
        ]
        places, numbers, strength, discount, reward = zip(*arms, strict=True)
        self._of_arm: Places = np.array(places)
        self._number: Places = np.array(numbers)
        self._strength, self._discount, self._reward = map(np.array, (strength, discount, reward))
        of_arm = [appraiser.fixed[place] for place in places]
        self._margin = np.array([fixed.margin for fixed in of_arm])
        self._cost = np.array([fixed.contact_cost for fixed in of_arm])
        self._lever = np.array([fixed.lever for fixed in of_arm])
        self._first: Places = np.flatnonzero(self._number == 0)
        several = [len(action.treatments) for action in catalogue.actions]
        self._nothing = [a.channel for a in catalogue.actions].index("none")
        self._choices = [
            (place, int(self._first[place]), count)
            for place, count in enumerate(several)
            if count > 1
        ]

    def appraise(self, columns: Columns, rows: int) -> Worths:
        """The worth of every action for every row of ``columns``."""
        counts = self._one.counts
        before, added_by, basis = self._believed(columns, rows)
        value = self._value.evaluate(columns, rows) if counts.value else np.ones(before.shape)
        context, channel = self._context(columns, rows), self._channel(columns, rows)
        without = before[:, self._of_arm]
        conversion = np.clip(without + added_by[:, self._of_arm] * self._strength, 0.0, 1.0)
        added = conversion - without if counts.uplift else conversion
        given = np.zeros(conversion.shape)
        if counts.redemption_cost:
            basket = self._one.catalogue.basket.evaluate(columns, rows)[:, np.newaxis]
            given = conversion * (self._discount * basket + self._reward)
        gain = added * value[:, self._of_arm] * self._margin - self._cost - given
        expected = gain * context[:, self._of_arm] * channel[:, self._of_arm] * self._lever
        best = self._best(expected)
        expected[:, self._first[self._nothing]] = 0.0

        def chosen(terms: Floats) -> Floats:
            return np.take_along_axis(terms, best, axis=1)

        return Worths(
            expected=chosen(expected),
            treatment=self._number[best],
            basis=basis,
            conversion=chosen(conversion),
            uplift=chosen(added),
            value=value,
            redemption_cost=chosen(given),
            context_weight=context,
            channel_weight=channel,
        )

    def _believed(self, columns: Columns, rows: int) -> tuple[Floats, Floats, Places]:
        without = np.clip(self._conversion.evaluate(columns, rows), 0.0, 1.0)
        uplift = np.clip(self._uplift.evaluate(columns, rows), -1.0, 1.0)
        basis = np.full(without.shape, _PRIOR)
        measured = self._one.measured(columns, range(len(self._one.ids)))
        if measured is None:
            return without, uplift, basis
        treated, held_out = measured
        known = np.isfinite(treated)
        both = known & np.isfinite(held_out)
        alone = known & ~both
        converting = without + uplift
        with np.errstate(all="ignore"):
            share = np.where(converting > 0.0, np.clip(uplift / converting, 0.0, 1.0), 0.0)
        added = treated * share
        return (
            np.where(both, held_out, np.where(alone, treated - added, without)),
            np.where(both, treated - held_out, np.where(alone, added, uplift)),
            np.where(both, _MODEL, np.where(alone, _RESPONSE, _PRIOR)),
        )

    def _context(self, columns: Columns, rows: int) -> Floats:
        weight = np.ones((rows, len(self._one.ids)))
        if self._one.counts.context_weight:
            for place, action_id in enumerate(self._one.ids):
                for rule, factor in self._one.catalogue.weights[action_id]:
                    weight[:, place] *= np.where(rule.evaluate(columns, rows), factor, 1.0)
        return weight

    def _channel(self, columns: Columns, rows: int) -> Floats:
        weight = np.ones((rows, len(self._one.ids)))
        histories = columns.get(HISTORY) if self._one.counts.channel_weight else None
        for row, history in enumerate(() if histories is None else histories):
            if history:
                of = self._one.preference.weights(history)
                weight[row] = [of.get(action.channel, 1.0) for action in self._actions]
        return weight

    @property
    def _actions(self) -> Sequence[Action]:
        return self._one.catalogue.actions

    def _best(self, expected: Floats) -> Places:
        best = np.tile(self._first, (len(expected), 1))
        for place, first, count in self._choices:
            best[:, place] += expected[:, first : first + count].argmax(axis=1)
        return best


class _Formulas:
    """One formula per action, each distinct one evaluated once."""

    def __init__(self, amounts: Sequence[Amount]) -> None:
        distinct = {amount.text: amount for amount in amounts}
        texts = list(distinct)
        self._amounts = list(distinct.values())
        self._of_action: Places = np.array([texts.index(amount.text) for amount in amounts])

    def evaluate(self, columns: Columns, rows: int) -> Floats:
        values = np.empty((rows, len(self._amounts)))
        for place, amount in enumerate(self._amounts):
            values[:, place] = amount.evaluate(columns, rows)
        return values[:, self._of_action]
