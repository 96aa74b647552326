"""The next shares of a bandit: the probability of each arm to be the best, above a floor.

Thompson sampling with conversions: an arm's rate has a Beta posterior, and its share is how often
it is the largest of a draw (Thompson 1933; Russo, Van Roy, Kazerouni, Osband and Wen 2018, A
Tutorial on Thompson Sampling). Rates are weighted by the inverse probability of the arm, so
that an arm that got most of its customers in a good week is not taken for a good arm.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.experiments.sums import Sums

Floats = NDArray[np.float64]

_DRAWS = 100_000
_SEED = 20_261_122


@dataclass(frozen=True, slots=True)
class Shift:
    """What the shares should be, and why.

    Attributes:
        shares: by arm, none below the floor.
        best: probability of each arm to have the highest rate.
        rates: conversion of each arm, weighted.
        customers: of each arm, whose window is over.
    """

    shares: dict[str, float]
    best: dict[str, float]
    rates: dict[str, float]
    customers: dict[str, int]

    def because(self) -> dict[str, Any]:
        """What is recorded with the shares."""
        return {"best": self.best, "rates": self.rates, "customers": self.customers}


def shift(arms: list[str], sums: Sums, floor: float, draws: int = _DRAWS) -> Shift:
    """The shares that follow from the last look of ``sums``.

    Args:
        arms: k names.
        sums: of conversion, 0 or 1.
        floor: least share of an arm: its probability stays known and its weight bounded.
        draws: from the posteriors.
    """
    customers = sums.customers[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = np.nan_to_num(sums.means[-1])
        # customers of unequal weight say as much as fewer of equal weight (Kish 1965)
        effective = np.nan_to_num(sums.w[-1] ** 2 / sums.ww[-1])
    best = _best(effective * rates, effective, draws)
    shares = _floored(best, floor)
    return Shift(
        shares=dict(zip(arms, shares.tolist(), strict=True)),
        best=dict(zip(arms, best.tolist(), strict=True)),
        rates=dict(zip(arms, rates.tolist(), strict=True)),
        customers=dict(zip(arms, customers.astype(int).tolist(), strict=True)),
    )


def _best(successes: Floats, trials: Floats, draws: int) -> Floats:
    rng = np.random.default_rng(_SEED)
    rates = rng.beta(1 + successes, 1 + trials - successes, size=(draws, len(trials)))
    return np.bincount(rates.argmax(axis=1), minlength=len(trials)) / draws


def _floored(best: Floats, floor: float) -> Floats:
    """``best`` with no share below ``floor``; who is above it gives in proportion."""
    fixed = np.zeros(len(best), dtype=np.bool_)
    while True:
        left = 1.0 - floor * fixed.sum()
        weight = best[~fixed].sum()
        shares = np.where(fixed, floor, best * (left / weight if weight > 0 else 0.0))
        low = ~fixed & (shares < floor)
        if not low.any():
            return np.asarray(shares / shares.sum())
        fixed |= low
