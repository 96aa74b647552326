"""What an arm does to a metric: difference and relative lift, with intervals valid at any look."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retain.manifest import Measured
from training.experiments.boundaries import always_valid_p, fixed_width, width
from training.experiments.sums import Sums

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_CUSTOMERS = 100
LEAST_EVENTS = 30.0
"""Before every compared arm has so many customers, and may expect so many events, nothing is said:
the intervals are asymptotic, and the first customers are not. Customers of unequal weight, and
events of unequal value, count for as many as equal ones that would say as much (Kish 1965): one
large order is one event."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison of k arms: the sum of weights times means; weights sum to 0.

    Attributes:
        name: what the page calls it.
        kind: ``arm`` (one against the control), ``main`` (a level of a factor against its base)
            or ``interaction``, which has no relative lift.
    """

    name: str
    weights: tuple[float, ...]
    kind: Literal["arm", "main", "interaction"] = "arm"


@dataclass(frozen=True, slots=True)
class Path:
    """An estimate at l looks, with both kinds of interval, each (l,); NaN where nothing is said.

    Attributes:
        low, high: valid at all looks together.
        fixed_low, fixed_high: valid at one look that was fixed in advance; to compare with.
    """

    value: Floats
    low: Floats
    high: Floats
    fixed_low: Floats
    fixed_high: Floats

    def last(self) -> Measured | None:
        """The estimate of the last look, None where nothing is said."""
        value, low, high = (float(one[-1]) for one in (self.value, self.low, self.high))
        if not np.isfinite([value, low, high]).all():
            return None
        return Measured(value=value, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a contrast comes to for one metric.

    Attributes:
        difference: per customer.
        lift: relative, 0.1 is 10 %; None where it means nothing.
        p: always-valid, of the last look and all before it.
        decided_at: the first look at which the interval left zero out, None where it did not.
    """

    contrast: Contrast
    metric: str
    difference: Path
    lift: Path | None
    p: float
    decided_at: int | None

    @property
    def verdict(self) -> Literal["better", "worse", "open", "too_early"]:
        """What may be said, at any look; better is more."""
        if self.decided_at is not None:
            return "better" if self.difference.value[self.decided_at] > 0 else "worse"
        return "too_early" if self.difference.last() is None else "open"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        difference, lift = self.difference.last(), self.lift.last() if self.lift else None
        return {
            "contrast": self.contrast.name,
            "kind": self.contrast.kind,
            "metric": self.metric,
            "difference": None if difference is None else difference.model_dump(),
            "lift": None if lift is None else lift.model_dump(),
            "always_valid_p": self.p,
            "verdict": self.verdict,
        }


def estimate(
    metric: str, sums: Sums, contrast: Contrast, *, precision: float, alpha: float
) -> Effect:
    """The effect of ``contrast`` at every look of ``sums``.

    The lift's interval is the delta method's on the logarithm of the ratio of means, so that it
    never reaches below -100 %.

    Args:
        metric: its name.
        sums: of its values.
        contrast: of the same arms.
        precision: of :func:`training.experiments.boundaries.tuned`.
        alpha: miscoverage over all looks.
    """
    weights = np.array(contrast.weights)
    means, variances = sums.means, sums.variances
    used = weights != 0
    enough = _enough(sums, used)
    customers = sums.customers.sum(axis=1)
    reach = np.full(len(customers), np.nan)
    reach[enough] = width(customers[enough], precision, alpha)
    value = _weighed(means, weights)
    error = np.sqrt(_weighed(variances, weights**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(error > 0, value / error, 0.0)
    difference = _path(value, error, reach, fixed_width(alpha))
    decided = np.flatnonzero(enough & (np.abs(z) > reach))
    p = always_valid_p(z[enough], customers[enough], precision)
    return Effect(
        contrast=contrast,
        metric=metric,
        difference=difference,
        lift=_lift(means, variances, weights, reach, alpha)
        if contrast.kind != "interaction"
        else None,
        p=float(p.min()) if len(p) else 1.0,
        decided_at=int(decided[0]) if len(decided) else None,
    )


def _enough(sums: Sums, used: Flags) -> Flags:
    """(l,) whether the intervals of a look can be trusted."""
    customers, w = sums.customers[:, used], sums.w[:, used]
    with np.errstate(invalid="ignore", divide="ignore"):
        typical = w / customers
        total = (sums.wy[:, used] / typical).sum(axis=1)
        squares = (sums.wwyy[:, used] / typical**2).sum(axis=1)
        rate = np.nan_to_num(total**2 / squares) / customers.sum(axis=1)
        alike = np.nan_to_num(w**2 / sums.ww[:, used])
    trusted = (alike >= LEAST_CUSTOMERS) & (rate[:, np.newaxis] * alike >= LEAST_EVENTS)
    return np.asarray(trusted.all(axis=1))


def _weighed(means: Floats, weights: Floats) -> Floats:
    """The weighted sum over arms, where an arm of weight zero may have no customer yet."""
    used = weights != 0
    return np.asarray(means[:, used] @ weights[used])


def _lift(
    means: Floats, variances: Floats, weights: Floats, reach: Floats, alpha: float
) -> Path | None:
    more, less = np.maximum(weights, 0.0), np.maximum(-weights, 0.0)
    above, below = _weighed(means, more), _weighed(means, less)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_ratio = np.where((above > 0) & (below > 0), np.log(above / below), np.nan)
        relative = _weighed(variances, more**2) / above**2
        relative += _weighed(variances, less**2) / below**2
        found = _path(log_ratio, np.sqrt(relative), reach, fixed_width(alpha))
    if not np.isfinite(log_ratio[-1]):
        return None
    return Path(
        *(
            np.expm1(one)
            for one in (found.value, found.low, found.high, found.fixed_low, found.fixed_high)
        )
    )


def _path(value: Floats, error: Floats, reach: Floats, fixed: float) -> Path:
    told = np.where(np.isfinite(reach), value, np.nan)
    half, other = reach * error, fixed * error
    return Path(told, told - half, told + half, told - other, told + other)
