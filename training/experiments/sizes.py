"""The sample an experiment needs, stated before it begins.

Proportions: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, chapter
4, without continuity correction (R's ``power.prop.test`` gives the same); means: the two-sample z
test. Unequal shares enter by their own variances.
"""

from dataclasses import asdict, dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Any

from retain.experiments.declaration import Design, Experiment
from training.experiments.boundaries import widest_need

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Sample:
    """How many customers are needed, over all arms.

    Attributes:
        fixed: for a test of one look, at this sample.
        always_valid: for intervals that may be looked at every day: at most this many, and fewer
            where the difference is larger than the smallest worth finding.
        arms: of each arm, of ``always_valid``.
    """

    fixed: int
    always_valid: int
    arms: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def required(experiment: Experiment) -> Sample | None:
    """The customers ``experiment`` needs by its design; None where it does not say enough.

    With several arms each is compared with the control, and ``alpha`` is divided by the number
    of comparisons; the arm with the smallest share decides. A factorial experiment compares the
    two halves of everybody for each factor.
    """
    if not experiment.design.is_sized:
        return None
    comparisons = [
        (group[0].share, one.share)
        for group in ([factor.levels for factor in experiment.factors] or [experiment.arms])
        for one in group[1:]
    ]
    alpha = experiment.design.alpha / len(comparisons)
    needs = [_needed(experiment.design, control, share, alpha) for control, share in comparisons]
    fixed, always = (max(each) for each in zip(*needs, strict=True))
    arms = {cell.name: ceil(always * cell.share) for cell in experiment.cells}
    return Sample(fixed, always, arms)


def _needed(design: Design, control: float, share: float, alpha: float) -> tuple[int, int]:
    """Customers of the whole experiment for one comparison: of one look, and of any."""
    one_look = _NORMAL.inv_cdf(1 - alpha / 2)
    ratio = 1.0
    if design.primary == "revenue":
        assert design.revenue_mean is not None  # noqa: S101 - is_sized said so
        assert design.revenue_sd is not None  # noqa: S101 - is_sized said so
        assert design.minimum_lift is not None  # noqa: S101 - is_sized said so
        fixed = for_means(
            design.revenue_mean * design.minimum_lift,
            design.revenue_sd,
            shares=(control, share),
            alpha=alpha,
            power=design.power,
        )
    else:
        assert design.baseline_conversion is not None  # noqa: S101 - is_sized said so
        assert design.minimum_lift is not None  # noqa: S101 - is_sized said so
        fixed = for_proportions(
            design.baseline_conversion,
            design.baseline_conversion * (1 + design.minimum_lift),
            shares=(control, share),
            alpha=alpha,
            power=design.power,
        )
    beta = _NORMAL.inv_cdf(design.power)
    ratio = ((widest_need(alpha) + beta) / (one_look + beta)) ** 2
    return ceil(fixed), ceil(fixed * ratio)


def for_proportions(
    control: float,
    treated: float,
    *,
    shares: tuple[float, float] = (0.5, 0.5),
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Customers of the whole experiment to tell two proportions apart, two-sided.

    Args:
        control: proportion in the control.
        treated: proportion in the other arm.
        shares: of the experiment's customers in either.
        alpha: chance of a false alarm.
        power: chance to find the difference.
    """
    q0, q1 = shares
    pooled = (q0 * control + q1 * treated) / (q0 + q1)
    under_null = sqrt(pooled * (1 - pooled) * (1 / q0 + 1 / q1))
    under_other = sqrt(control * (1 - control) / q0 + treated * (1 - treated) / q1)
    reach = _NORMAL.inv_cdf(1 - alpha / 2) * under_null + _NORMAL.inv_cdf(power) * under_other
    return (reach / (treated - control)) ** 2


def for_means(
    difference: float,
    deviation: float,
    *,
    shares: tuple[float, float] = (0.5, 0.5),
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """As :func:`for_proportions`, of two means with one standard ``deviation``."""
    reach = _NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)
    return (reach * deviation / difference) ** 2 * (1 / shares[0] + 1 / shares[1])


def days(customers: int, per_day: float, window_days: float) -> float:
    """How long until ``customers`` have joined, at ``per_day`` new ones, and their windows end."""
    return customers / per_day + window_days
