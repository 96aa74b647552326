"""How well an order of customers concentrates the effect of being treated.

The effect on one customer is never seen. What is summed is a transformed outcome whose
expectation is the effect (Athey and Imbens 2016), with the expected outcome subtracted first,
which leaves the expectation and takes away most of the noise.
"""

import numpy as np

from retain.predictors.trees import Floats
from training.metrics import Statistic, ranks

__all__ = ["TARGETED_SHARE", "Statistic", "among_targeted", "area", "qini", "tied", "transformed"]

TARGETED_SHARE = 0.3
_DIGITS = 10


def transformed(responded: Floats, treated: Floats, chance: Floats, expected: Floats) -> Floats:
    """One unbiased, noisy estimate of the effect per customer, (n,).

    Args:
        responded: 1 where the customer ordered within the window.
        treated: 1 where the customer was treated.
        chance: with which probability it was.
        expected: predicted outcome whichever arm, from a model that did not see these rows.
    """
    return (responded - expected) * (treated - chance) / (chance * (1.0 - chance))


def qini(effect: Floats, score: Floats, weight: Floats) -> float:
    """Extra orders per customer over targeting at random, on average over all budgets.

    The area between the Qini curve and its diagonal (Radcliffe 2007), per customer.
    """
    order = np.argsort(-score, kind="stable")
    people = np.cumsum(weight[order]) / weight.sum()
    gained = np.cumsum((weight * effect)[order]) / weight.sum()
    return float(np.average(gained - people * gained[-1], weights=weight[order]))


def among_targeted(
    effect: Floats, score: Floats, weight: Floats, share: float = TARGETED_SHARE
) -> float:
    """Mean effect among the ``share`` of customers with the highest scores."""
    order = np.argsort(-score, kind="stable")
    people = np.cumsum(weight[order]) / weight.sum()
    chosen = order[people <= share]
    total = weight[chosen].sum()
    return float((weight * effect)[chosen].sum() / total) if total else float("nan")


def tied(score: Floats) -> Floats:
    """Scores without the last digits that only the order of additions made differ."""
    return np.round(score, _DIGITS)


def area(effect: Floats, score: Floats) -> Statistic:
    """Extra orders per customer on average over all budgets, as a function of row weights.

    The area under the Qini curve, without its diagonal taken off: customers of one score are
    reached in no order, so the curve is straight between them. Scores that differ by less than
    sums of floats may are one.
    """
    codes = ranks(-tied(score))

    def of(weight: Floats) -> float:
        people = np.bincount(codes, weight)
        gained = np.bincount(codes, weight * effect)
        before = np.cumsum(gained) - gained / 2.0
        total = float(people.sum())
        return float((people * before).sum()) / total**2 if total else float("nan")

    return of
