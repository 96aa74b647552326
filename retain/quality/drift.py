"""Drift: has a feature's distribution moved away from the one a model was trained on?

Measured by the population stability index over the training deciles, a bin below and one
above what training saw, and one for missing values: PSI = Σ (actual - expected) ·
ln(actual / expected). Below 0.1 is little change, above 0.25 is a shift (N. Siddiqi, Credit
Risk Scorecards, 2006, chapter 8).

Where nothing moved, PSI is about χ² with (bins - 1) degrees of freedom times (1/n + 1/m) (B.
Yurdakul and J. Naranjo, Statistical properties of the population stability index, Journal of
Risk Model Validation 14(4), 2020). What chance alone reaches in samples of this size is
therefore no drift, whatever the thresholds say.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from retain.errors import InvalidInput
from retain.quality.profile import NumberProfile, Profile, TextProfile

_SMOOTHING = 0.5  # Jeffreys' prior: an empty bin is unlikely, not impossible

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one feature moved.

    Attributes:
        psi: population stability index.
        noise: what PSI reaches by chance alone, at the false-alarm rate asked for.
        rows: the smaller of the two samples.
        moved: the bin that contributes most, in words.
        expected: that bin's share of the training rows.
        actual: that bin's share of the rows now.
    """

    feature: str
    psi: float
    noise: float
    rows: int
    moved: str
    expected: float
    actual: float


def shifts(training: Profile, current: Profile, *, false_alarm_rate: float = 1e-4) -> list[Shift]:
    """Every feature of both profiles, the largest shift first.

    Raises:
        InvalidInput: ``current`` was not counted in the bins of ``training``.
    """
    found = [
        _shift(name, *_number_bins(name, part, current.numbers[name]), false_alarm_rate)
        for name, part in training.numbers.items()
        if name in current.numbers
    ]
    found += [
        _shift(name, *_text_bins(name, part, current.texts[name]), false_alarm_rate)
        for name, part in training.texts.items()
        if name in current.texts
    ]
    return sorted(found, key=lambda shift: -shift.psi)


def psi(expected: Counts, actual: Counts) -> float:
    """Population stability index of two sets of counts over the same bins, smoothed."""
    return float(_terms(expected, actual).sum())


def noise_level(bins: int, expected: float, actual: float, false_alarm_rate: float) -> float:
    """The PSI that samples of these sizes reach by chance at ``false_alarm_rate``.

    The χ² quantile is E. Wilson and M. Hilferty's (1931), within a per cent of the exact one.
    """
    degrees = max(bins - 1, 1)
    spread = 2 / (9 * degrees)
    z = NormalDist().inv_cdf(1 - false_alarm_rate)
    return degrees * (1 - spread + z * sqrt(spread)) ** 3 * (1 / expected + 1 / actual)


def _shift(
    feature: str, bins: list[str], expected: Counts, actual: Counts, false_alarm_rate: float
) -> Shift:
    before, now = float(expected.sum()), float(actual.sum())
    if not before or not now:
        return Shift(feature, 0.0, 0.0, 0, "", 0.0, 0.0)
    terms = _terms(expected, actual)
    largest = int(terms.argmax())
    used = int(((expected + actual) > 0).sum())
    return Shift(
        feature=feature,
        psi=float(terms.sum()),
        noise=noise_level(used, before, now, false_alarm_rate),
        rows=int(min(before, now)),
        moved=bins[largest],
        expected=float(expected[largest] / before),
        actual=float(actual[largest] / now),
    )


def _terms(expected: Counts, actual: Counts) -> Counts:
    used = (expected + actual) > 0
    before, now = expected[used] + _SMOOTHING, actual[used] + _SMOOTHING
    before, now = before / before.sum(), now / now.sum()
    terms = np.zeros(len(expected))
    terms[used] = (now - before) * np.log(now / before)
    return terms


def _number_bins(
    name: str, before: NumberProfile, now: NumberProfile
) -> tuple[list[str], Counts, Counts]:
    if before.edges != now.edges:
        raise _not_comparable(name)
    edges = [f"{edge:g}" for edge in before.edges]
    if edges:
        inner = [low if low == high else f"{low} to {high}" for low, high in pairwise(edges)]
        labels = [f"below {edges[0]}", *inner, f"above {edges[-1]}", "missing"]
    else:
        labels = ["known", "missing"]
    return (
        labels,
        np.array([*before.counts, before.missing], dtype=np.float64),
        np.array([*now.counts, now.missing], dtype=np.float64),
    )


def _text_bins(
    name: str, before: TextProfile, now: TextProfile
) -> tuple[list[str], Counts, Counts]:
    if list(before.categories) != list(now.categories):
        raise _not_comparable(name)
    return (
        [*before.categories, "other values", "missing"],
        np.array([*before.categories.values(), before.others, before.missing], dtype=np.float64),
        np.array([*now.categories.values(), now.others, now.missing], dtype=np.float64),
    )


def _not_comparable(name: str) -> InvalidInput:
    return InvalidInput(
        f"the profiles count {name} in different bins",
        remedy="make the current profile with like=<the training profile>",
        field=name,
    )
