"""Intervals that hold at every look: the normal-mixture boundary.

After ``n`` customers a mean with standard error ``s`` lies in ``± s · width(n)`` at all n at
once with probability ``1 - alpha``, asymptotically: a confidence sequence (Robbins 1970,
Statistical methods related to the law of the iterated logarithm; for unknown variances and any
distribution Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Time-uniform central limit theory
and asymptotic confidence sequences, Annals of Statistics, Theorem 2.2). Its p-values are those of
the mixture sequential probability ratio test (Johari, Koomen, Pekelis and Walsh 2022, Always valid
inference, Operations Research).
"""

from math import log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def tuned(planned: float, alpha: float) -> float:
    """The mixture's precision (rho squared) that makes the interval tightest at ``planned``.

    Args:
        planned: customers the experiment is sized for.
        alpha: miscoverage over all looks together.
    """
    # appendix B.2 of Waudby-Smith et al.: the minimum over rho, by its usual approximation
    twice = -2 * log(alpha)
    return (twice + log(twice + 1)) / planned


def width(customers: Floats, precision: float, alpha: float) -> Floats:
    """Half the interval's length in standard errors, of each number of ``customers``."""
    grown = np.asarray(customers, dtype=np.float64) * precision
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt(2 * (grown + 1) / grown * np.log(np.sqrt(grown + 1) / alpha)))


def always_valid_p(z: Floats, customers: Floats, precision: float) -> Floats:
    """The p-value of each look alone; their running minimum is valid at any stopping time.

    Args:
        z: estimates over their standard errors.
        customers: at each look.
        precision: of :func:`tuned`.
    """
    grown = np.asarray(customers, dtype=np.float64) * precision
    evidence = np.square(z) * grown / (2 * (grown + 1)) - np.log(grown + 1) / 2
    return np.asarray(np.exp(-np.maximum(evidence, 0.0)))


def fixed_width(alpha: float) -> float:
    """The same in a test of one look, at a sample stated in advance."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def widest_need(alpha: float) -> float:
    """``width`` at the sample it was tuned for."""
    return float(width(np.array([1.0]), tuned(1.0, alpha), alpha)[0])
