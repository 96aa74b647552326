"""What an action is expected to bring: uplift x value x margin - costs, every term kept."""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retain.columns import ACTION_RULES, Columns
from retain.decisions.actions import Action
from retain.decisions.catalogues import Catalogue
from retain.decisions.channels import HISTORY, ChannelPreference
from retain.decisions.terms import BASES, AllTerms, Switches, Terms, as_json, score
from retain.features.matrix import Vectors
from retain.manifest import Manifest
from retain.one.features import One
from retain.one.rows import Row
from retain.rule_rows import Known

Floats = NDArray[np.float64]

Measure = Callable[[Sequence[int]], tuple[Floats, Floats] | None]
"""Places of actions to what the model says of them, each (1, len(places)); None: nothing."""

_PRIOR, _MODEL, _RESPONSE = (BASES.index(basis) for basis in ("prior", "model", "response"))


class ResponseModel(Protocol):
    """What the ranking needs of a response model; NaN where it knows nothing of an action."""

    @property
    def manifest(self) -> Manifest:
        """Names the model and its features in vector order."""

    @property
    def action_ids(self) -> Collection[str]:
        """The actions it knows anything of."""

    def response(self, matrix: Floats, action_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Probability of conversion with and without the action, each (n, a).

        Where nobody was held out the second is NaN: then the uplift is not known either.
        """


class Worth(NamedTuple):
    """One action for one customer, with its best treatment; NaN where a term is not known.

    The terms are those of :class:`~retain.decisions.terms.Terms`, after the switches.

    Attributes:
        treatment: position of the best treatment among the action's.
        basis: position in :data:`~retain.decisions.terms.BASES`.
    """

    expected: float
    treatment: int
    basis: int
    conversion: float
    uplift: float
    value: float
    redemption_cost: float
    context_weight: float
    channel_weight: float


class Fixed(NamedTuple):
    """The terms of an action that are the same for everybody, after the switches."""

    margin: float
    contact_cost: float
    lever: float

    def terms(self, worth: Worth) -> Terms:
        """All terms of the action for one customer."""
        return Terms(*self._all(worth))

    def as_json(self, worth: Worth) -> dict[str, Any]:
        """As :meth:`Terms.as_json`."""
        return as_json(*self._all(worth))

    def _all(self, worth: Worth) -> AllTerms:
        expected, _, basis, conversion, uplift, value, redemption, context, channel = worth
        # less itself, all but what is finite is no number
        return (
            BASES[basis],
            conversion if conversion - conversion == 0.0 else None,
            uplift if uplift - uplift == 0.0 else None,
            value if value - value == 0.0 else None,
            self.margin,
            self.contact_cost,
            redemption if redemption - redemption == 0.0 else None,
            context,
            channel,
            self.lever,
            expected if expected - expected == 0.0 else None,
        )

    def spread(self, worth: Worth, of_uplift: float) -> float:
        """Standard deviation of the expected value where the uplift has ``of_uplift``."""
        given = worth.redemption_cost / worth.conversion if worth.conversion > 0.0 else 0.0
        each = worth.value * self.margin - given
        return abs(each) * of_uplift * worth.context_weight * worth.channel_weight * self.lever


class Appraiser:
    """Says what an action is worth to a customer, by the model where it knows, else the prior.

    Of n customers at once: :mod:`retain.decisions.worths`, to the last bit the same.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        response: ResponseModel | None = None,
        preference: ChannelPreference | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.counts = catalogue.config.ranking.terms
        self.ids = [action.id for action in catalogue.actions]
        self.fixed = [_fixed(action, self.counts) for action in catalogue.actions]
        self.preference = preference or ChannelPreference({})
        self._model = response
        taught = () if response is None else response.action_ids
        self.taught = frozenset(at for at, name in enumerate(self.ids) if name in taught)
        features = () if response is None else response.manifest.features
        self._vectors = Vectors(features)
        self._row = Row(features)
        self._is_known = all(one.name in ACTION_RULES for one in features)
        self._ways = [
            _Way(
                catalogue.values[action.id].of_row,
                catalogue.conversions[action.id].of_row,
                catalogue.uplifts[action.id].of_row,
                action.channel,
                [(rule.of_row, factor) for rule, factor in catalogue.weights[action.id]],
                [(arm.strength, arm.discount, arm.reward) for arm in action.treatments],
            )
            for action in catalogue.actions
        ]

    def measured(self, columns: Columns, places: Sequence[int]) -> tuple[Floats, Floats] | None:
        """What the model says of n customers and these actions, each (n, len(places)).

        None where there is no model, or a feature it needs is not known.
        """
        model = self._model
        if model is None or not self._vectors.known(columns):
            return None
        matrix = self._vectors.of(columns)
        return model.response(matrix, [self.ids[place] for place in places])

    def measured_of(self, one: One, places: Sequence[int]) -> tuple[Floats, Floats] | None:
        """As :meth:`measured` of one customer's plain values, each (1, len(places))."""
        model = self._model
        if model is None or not self._is_known:
            return None
        return model.response(self._row.of(one)[np.newaxis], [self.ids[place] for place in places])

    def told_of(self, one: One, places: Sequence[int]) -> tuple[list[float], list[float]] | None:
        """As :meth:`measured_of`, each as long as ``places``."""
        measured = self.measured_of(one, places)
        if measured is None:
            return None
        treated, held_out = measured
        return treated[0].tolist(), held_out[0].tolist()

    def preferred(self, row: Known) -> dict[str, float]:
        """The customer's weights by channel, where they count."""
        return self.preference.weights(row[HISTORY] if self.counts.channel_weight else None)

    def of_row(
        self,
        row: Known,
        place: int,
        measured: tuple[float, float],
        preferred: Mapping[str, float],
    ) -> Worth:
        """The worth of the action at ``place`` of the catalogue for one customer.

        Args:
            row: what is known of the customer and the moment.
            place: the action's.
            measured: conversion with and without it by the model, NaN where it knows nothing.
            preferred: weights by channel.
        """
        counts, way, fixed = self.counts, self._ways[place], self.fixed[place]
        before, uplift, basis = _believed(
            _within(way.conversion(row), 0.0), _within(way.uplift(row), -1.0), *measured
        )
        value = way.value(row) if counts.value else 1.0
        basket = self.catalogue.basket.of_row(row)
        context, channel = 1.0, 1.0
        if counts.context_weight:
            for holds, factor in way.weights:
                if holds(row):
                    context *= factor
        if counts.channel_weight:
            channel = preferred.get(way.channel, 1.0)
        best: tuple[float, int, float, float, float] | None = None
        for treatment, (strength, discount, reward) in enumerate(way.arms):
            conversion = _within(before + uplift * strength, 0.0)
            added = conversion - before if counts.uplift else conversion
            given = conversion * (discount * basket + reward) if counts.redemption_cost else 0.0
            expected = score(
                added, value, fixed.margin, fixed.contact_cost, given,
                context, channel, fixed.lever,
            )  # fmt: skip
            if best is None or expected > best[0]:
                best = expected, treatment, conversion, added, given
        assert best is not None  # noqa: S101 - an action has a treatment
        expected, treatment, conversion, added, given = best
        if way.channel == "none":
            expected = 0.0
        return Worth(expected, treatment, basis, conversion, added, value, given, context, channel)


class _Way(NamedTuple):
    """How one action's terms are computed from a row."""

    value: Callable[[Known], float]
    conversion: Callable[[Known], float]
    uplift: Callable[[Known], float]
    channel: str
    weights: list[tuple[Callable[[Known], bool], float]]
    arms: list[tuple[float, float, float]]


def _fixed(action: Action, counts: Switches) -> Fixed:
    return Fixed(
        action.margin if counts.margin else 1.0,
        action.contact_cost if counts.contact_cost else 0.0,
        action.lever if counts.lever else 1.0,
    )


def _believed(
    without: float, uplift: float, treated: float, held_out: float
) -> tuple[float, float, int]:
    """Conversion without the action, what it adds, and the basis of both."""
    if not isfinite(treated):
        return without, uplift, _PRIOR
    if isfinite(held_out):
        return held_out, treated - held_out, _MODEL
    converting = without + uplift
    added = treated * _within(uplift / converting, 0.0) if converting > 0.0 else 0.0
    return treated - added, added, _RESPONSE


def _within(value: float, least: float) -> float:
    """``value`` between ``least`` and 1; NaN stays NaN."""
    return 1.0 if value > 1.0 else (max(value, least))
