"""Means of arms as customers come in: weighted by the inverse of the arm's probability.

With shares that never change the weights of an arm are equal, and its mean is the plain one. With
a bandit they make every arm's customers stand for all customers of all periods (Horvitz and
Thompson 1952; self-normalised, Hájek 1971).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_FEW_EVENTS = 10


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums of k arms at l looks, each (l, k); w is 1 over the probability of the arm.

    Attributes:
        customers: how many.
        events: how many with a value that is not zero.
        w, wy: sums of w and of w times the value.
        ww, wwy, wwyy: sums of the squares of w, times the value, times its square.
    """

    customers: Floats
    events: Floats
    w: Floats
    wy: Floats
    ww: Floats
    wwy: Floats
    wwyy: Floats

    @property
    def means(self) -> Floats:
        """(l, k) mean per customer; NaN where an arm has none."""
        with np.errstate(invalid="ignore"):
            return self.wy / self.w

    @property
    def variances(self) -> Floats:
        """(l, k) squared standard errors of the means, by linearisation.

        An arm with hardly an event has a variance near zero by luck: it gets that of all arms
        pooled where that is larger.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            own = self._spread(self.means) / self.w**2
            together = (self.wy.sum(axis=1) / self.w.sum(axis=1))[:, np.newaxis]
            pooled = self._spread(together).sum(axis=1) / self.ww.sum(axis=1)
            likely = pooled[:, np.newaxis] * self.ww / self.w**2
        return np.where(self.events < _FEW_EVENTS, np.fmax(own, likely), own)

    def _spread(self, mean: Floats) -> Floats:
        return np.maximum(self.wwyy - 2 * mean * self.wwy + mean**2 * self.ww, 0.0)


def running(
    values: Floats, arm: Places, share: Floats, look: Places, shape: tuple[int, int]
) -> Sums:
    """The sums at every look.

    Args:
        values: (n,) of a metric.
        arm: (n,) place of the customer's arm.
        share: (n,) probability it was assigned with.
        look: (n,) the first look at which the customer counts.
        shape: looks and arms.
    """
    w = 1.0 / share

    def summed(each: Floats) -> Floats:
        cells = np.bincount(look * shape[1] + arm, weights=each, minlength=shape[0] * shape[1])
        return np.asarray(cells.reshape(shape).cumsum(axis=0))

    return Sums(
        customers=summed(np.ones(len(values))),
        events=summed((values != 0).astype(np.float64)),
        w=summed(w),
        wy=summed(w * values),
        ww=summed(w**2),
        wwy=summed(w**2 * values),
        wwyy=summed(w**2 * values**2),
    )
