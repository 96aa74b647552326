"""A rehearsal: learners fitted on early rows, and what they say of later ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retain.predictors.effects import Effects, Learner
from retain.predictors.trees import Floats
from training.boosting import Boosted
from training.policies import learners, levelling
from training.policies.learners import KINDS, Fitted
from training.policies.means import mean_effects
from training.policies.trial import (
    Trial,
    joined,
    pseudo_outcomes,
    surprise,
    unexplained,
)

MOST_ROWS = 40_000
_EARLY = 0.75


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that no learner saw.

    Attributes:
        said: effects by learner, (n, k) each.
        expected: outcomes with each action and without, (n, k) each.
    """

    rows: Trial
    said: Mapping[Learner, Floats]
    expected: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One fold.

    Attributes:
        fitted: the learners, fitted on the first three quarters of what comes before ``later``.
        late: the last quarter of that.
        later: what they are compared on.
        means: each action's mean effect before ``later``, (k,).
    """

    fitted: Mapping[Learner, Fitted]
    late: Part
    later: Part
    means: Floats

    @property
    def flat(self) -> Floats:
        """The same effect for everybody in ``later``, (n, k)."""
        return np.tile(self.means, (len(self.later.rows), 1))

    @property
    def pseudo(self) -> Floats:
        """Unbiased effects of ``later``, (n, k)."""
        return pseudo_outcomes(self.later.rows, *self.later.expected)

    def shrunk(self, name: Learner, slope: float) -> Floats:
        """Effects on ``later`` by a learner, its spread multiplied by ``slope``, (n, k)."""
        said = self.later.said[name]
        return np.asarray(slope * (said - said.mean(axis=0)) + self.flat)

    def explained(self, effect: Floats) -> Floats:
        """By how much ``effect`` (n, k) is closer to what came of ``later`` than ``flat``, (n,).

        The difference of two squared errors of what chance's decisions changed, which is that of
        the effects' own errors (the loss of Nie and Wager's R-learner, 2021). Rows count as far
        as chance decided, so a policy that hardly left any does not drown the rest in noise.
        """
        rows = self.later.rows
        decided, seen = surprise(rows), unexplained(rows, *self.later.expected)
        before, after = ((seen - (decided * one).sum(axis=1)) ** 2 for one in (self.flat, effect))
        return np.asarray(before - after)


def rehearsed(seen: Trial, later: Trial, seed: int) -> Rehearsal:
    """Fit every learner on ``seen``."""
    seen, later = seen.sampled(MOST_ROWS, seed), later.sampled(MOST_ROWS, seed)
    first = np.arange(len(seen)) < int(len(seen) * _EARLY)
    early, late = seen.where(first), seen.where(~first)
    kinds: tuple[Learner, ...] = (*KINDS, "constant")
    fitted: dict[Learner, Fitted] = {}
    shared: dict[str, Boosted] = {}
    for kind in kinds:
        fitted[kind] = learners.fit(kind, early, seed, later=late, have=shared)
        shared |= fitted[kind].boosted
    models = {name: fitted[name].effects() for name in KINDS}
    means = np.nan_to_num(mean_effects(seen))
    return Rehearsal(fitted, _part(models, late), _part(models, later), means)


def slope(parts: Sequence[Part], name: Learner) -> float:
    """How much of a learner's spread these rows confirm: see :func:`levelling.slope`."""
    treated, control = (np.vstack([one.expected[side] for one in parts]) for side in (0, 1))
    said = np.vstack([one.said[name] for one in parts])
    return levelling.slope(said, joined([one.rows for one in parts]), (treated, control))


def slope_without(fold: int, folds: Sequence[Rehearsal], name: Learner) -> float:
    """The slope that all rows but those the fold is judged by confirm."""
    parts = [one.late for one in folds]
    return slope([*parts, *(one.later for at, one in enumerate(folds) if at != fold)], name)


def _part(models: Mapping[Learner, Effects], rows: Trial) -> Part:
    every = range(len(rows.actions))
    outcomes = {name: model.outcomes(rows.matrix, every) for name, model in models.items()}
    said = {name: treated - control for name, (treated, control) in outcomes.items()}
    return Part(rows, said, outcomes["s"])
