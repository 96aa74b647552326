"""Sample-ratio check: do customers arrive in the arms in the shares they were assigned with?

Where they do not, who is in an arm depends on the arm (exposures lost, bots, redirects), and no
other number of the experiment means anything (Fabijan et al. 2019, Diagnosing Sample Ratio
Mismatch in Online Controlled Experiments).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import chi2

Floats = NDArray[np.float64]

ALARM = 0.001
"""A p-value below this is an alarm: a false one ends a sound experiment, so they must be rare."""
_LEAST_EXPECTED = 5.0
_CONCENTRATION = 1_000.0


@dataclass(frozen=True, slots=True)
class Balance:
    """What the check found.

    Attributes:
        chi_square, degrees: the statistic and its degrees of freedom.
        p: of the chi-square test, right for one look.
        always_valid_p: of a test that may be looked at every day.
        sound: whether the chi-square test raises no alarm; None where too few were counted.
    """

    observed: dict[str, int]
    expected: dict[str, float]
    chi_square: float
    degrees: int
    p: float
    always_valid_p: float
    sound: bool | None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def check(arms: list[str], counts: Floats, shares: Floats) -> Balance:
    """Compare ``counts`` with what ``shares`` let expect.

    Args:
        arms: k names.
        counts: (e, k) customers by period of constant shares and arm.
        shares: (e, k) of each period; rows are 1 together.
    """
    expected = counts.sum(axis=1, keepdims=True) * shares
    enough = expected.min(axis=1) >= _LEAST_EXPECTED
    statistic = float(np.sum((counts - expected)[enough] ** 2 / expected[enough]))
    degrees = int(enough.sum()) * (len(arms) - 1)
    p = float(chi2.sf(statistic, degrees)) if degrees else 1.0
    evidence = sum(_evidence(c, s) for c, s in zip(counts, shares, strict=True))
    anytime = float(np.exp(-max(evidence, 0.0)))
    return Balance(
        observed=dict(zip(arms, counts.sum(axis=0).astype(int).tolist(), strict=True)),
        expected=dict(zip(arms, expected.sum(axis=0).tolist(), strict=True)),
        chi_square=statistic,
        degrees=degrees,
        p=p,
        always_valid_p=anytime,
        sound=p >= ALARM if degrees else None,
    )


def _evidence(counts: Floats, shares: Floats) -> float:
    """Log Bayes factor against ``shares``, valid at any look.

    The alternative is a Dirichlet around them (Lindon and Malek 2022, Anytime-valid inference
    for multinomial count data, NeurIPS).
    """
    prior = _CONCENTRATION * shares
    mixture = (
        gammaln(prior.sum())
        - gammaln(prior.sum() + counts.sum())
        + np.sum(gammaln(prior + counts) - gammaln(prior))
    )
    return float(mixture - np.sum(counts * np.log(shares)))
