"""The level where no season is known: what BG/NBD expects of the customers as they are now.

A model of customers carries the level of its last labels forward, and those lie a horizon back:
its customers were younger then, and one ageing cohort, or a shop that has just opened, is another
one by now. BG/NBD needs no label. It is fitted on what is known at the moment, and knows how
customers fade; what it says of the labelled cutoffs, beside what came there, tells how far it is
off in this shop, and how steadily:

    expected total = what BG/NBD expects of the customers of now,
        times what came over what it expects, at the labelled cutoffs

The model's total is moved towards this by as much as BG/NBD is a steady guide (a
precision-weighted mean of logarithms): little where the ratio wanders from cutoff to cutoff, as
with the seasons of a year, where few customers make the total, or where a season is known and
trusted (:mod:`training.seasons`). Everybody moves alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.predictors.btyd import COLUMNS
from retain.predictors.trees import Floats
from training.btyd import BgNbd, GammaGamma, history, order_value
from training.dataset import Dataset, Mask

_CARRIED_VARIANCE = 0.04  # of the logarithm of a level that is carried forward: a fifth either way
_FEWEST_ALIKE = 20.0
_MOST = np.log(4.0)
_MOST_CUSTOMERS = 20_000
_READ = (*COLUMNS, "net_spend_lifetime")

Expectation = Callable[[Columns], Floats]


@dataclass(frozen=True, slots=True)
class Shift:
    """What a total is multiplied by, and how far BG/NBD's was trusted, from 0 to 1."""

    factor: float = 1.0
    trust: float = 0.0

    def described(self) -> dict[str, Any]:
        """For a manifest."""
        return {"factor": self.factor, "trust": self.trust}

    def sentences(self) -> tuple[str, ...]:
        """For a reader of the evaluation; none where nothing was moved."""
        if not self.trust:
            return ()
        sentence = (
            "As far as no season is known, the level follows what BG/NBD expects of the customers "
            f"as they are now: {self.factor:.2f} times that of the last labels (trusted by "
            f"{self.trust:.0%})."
        )
        return (sentence,)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the level of a model is moved to.

    Attributes:
        data: of which the rows of ``mask`` were fitted on.
        people: columns of the customers at ``moment``, epoch microseconds.
        season_trust: how far a season is trusted; from one half on nothing is moved.
    """

    data: Dataset
    mask: Mask
    people: Columns
    moment: int
    season_trust: float

    def buyers(self, total: float) -> Shift:
        """Of a predicted number of those who order within the labels' days."""
        if not self._room:
            return Shift()
        try:
            bought, days = _bgnbd(self._everybody()), float(self.data.horizon_days)
        except NotEnoughData:
            return Shift()

        def ordering(columns: Columns) -> Floats:
            return bought.probability_order(*history(columns), days)

        ordered = (~np.isnan(self.data.days_to_order)).astype(np.float64)
        return self._shift(ordering, ordered, total)

    def net(self, total: float) -> Shift:
        """Of predicted net revenue within the labels' days."""
        if not self._room:
            return Shift()
        everybody, days = self._everybody(), float(self.data.horizon_days)
        try:
            bought = _bgnbd(everybody)
            spent = GammaGamma.fit(history(everybody)[0] + 1.0, order_value(everybody))
        except NotEnoughData:
            return Shift()

        def bringing(columns: Columns) -> Floats:
            past = history(columns)
            each = spent.expected_value(past[0] + 1.0, order_value(columns))
            # the series overflows for a few who order many times a day
            with np.errstate(over="ignore", invalid="ignore"):
                found = bought.expected_orders(*past, days) * each
            return np.nan_to_num(found, posinf=0.0, neginf=0.0)

        return self._shift(bringing, self.data.net_revenue, total)

    @property
    def _room(self) -> float:
        return max(1.0 - 2.0 * self.season_trust, 0.0)

    def _everybody(self) -> Columns:
        """Who ever ordered: those with an order in the last year are no sample of them."""
        histories = self.data.trade.until(self.moment).histories()
        count = len(histories.orders)
        kept = np.arange(count)
        if count > _MOST_CUSTOMERS:
            draw = np.random.default_rng(self.data.seed)
            kept = draw.choice(count, _MOST_CUSTOMERS, replace=False)
        return {name: column[kept] for name, column in zip(_READ, histories, strict=True)}

    def _shift(self, expectation: Expectation, outcome: Floats, total: float) -> Shift:
        """Towards the expectation, as far as it was off, and steadily, at the cutoffs before."""
        expected = expectation({name: self.data.columns[name][self.mask] for name in _READ})
        cutoffs = np.unique(self.data.cutoffs[self.mask], return_inverse=True)[1]
        came = outcome[self.mask]
        wanted, found, squares = (
            np.bincount(cutoffs, values) for values in (expected, came, came**2)
        )
        alike = np.divide(found**2, squares, out=np.zeros(len(found)), where=squares > 0)
        kept = (alike >= _FEWEST_ALIKE) & (found > 0) & (wanted > 0)
        now = float(expectation(self.people).sum())
        if not kept.any() or min(now, total) <= 0:
            return Shift()
        logs, weights = np.log(found[kept] / wanted[kept]), alike[kept]
        off = float(np.average(logs, weights=weights))
        wandering = float(np.average((logs - off) ** 2, weights=weights))
        # overlapping windows of the same customers: several tell little more than one
        noise = 1.0 / float(weights.mean())
        trust = self._room * _CARRIED_VARIANCE / (_CARRIED_VARIANCE + wandering + noise)
        moved = float(np.clip(np.log(now / total) + off, -_MOST, _MOST))
        return Shift(float(np.exp(trust * moved)), trust)


def _bgnbd(everybody: Columns) -> BgNbd:
    return BgNbd.fit(*history(everybody))
