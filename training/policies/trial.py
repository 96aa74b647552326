"""A trial: customers, what they were assigned to at random, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.manifest import ModelFeature
from retain.predictors.trees import Floats
from training.policies.log import Codes, Log, Mask

NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Trial:
    """n assignments to nothing or to one of k actions.

    Attributes:
        matrix: features as of the assignment, (n, d), described by ``features``.
        actions: their names, without the one that is nothing.
        arm: 0 for nothing, else one more than the action's place, (n,).
        outcome: what is to be raised, (n,): zero or one, or any number.
        chance: probability of every arm, nothing first, (n, k + 1); zero where it was not
            on offer.
        units: the customers, (n,).
        binary: whether outcomes are zero or one.
    """

    matrix: Floats
    features: tuple[ModelFeature, ...]
    actions: tuple[str, ...]
    arm: Codes
    outcome: Floats
    chance: Floats
    units: NDArray[Any]
    binary: bool = True

    def __len__(self) -> int:
        return len(self.arm)

    @property
    def offered(self) -> Mask:
        """Which actions were on offer, (n, k)."""
        return np.asarray(self.chance[:, 1:] > 0.0)

    @property
    def separate(self) -> bool:
        """Whether every assignment was to one action or nothing, and there are several."""
        return len(self.actions) > 1 and bool((self.offered.sum(axis=1) == 1).all())

    @property
    def codes(self) -> Codes:
        """The action of each row's trial: what was carried out, else the first on offer, (n,)."""
        first = self.offered.argmax(axis=1)
        return np.where(self.arm > 0, self.arm - 1, first)

    @property
    def treated(self) -> Floats:
        """1 where anything was carried out, (n,)."""
        return (self.arm > 0).astype(np.float64)

    def where(self, mask: Mask | Codes) -> "Trial":
        """Some of the assignments."""
        return replace(
            self,
            matrix=self.matrix[mask],
            arm=self.arm[mask],
            outcome=self.outcome[mask],
            chance=self.chance[mask],
            units=self.units[mask],
        )

    def log(self) -> Log:
        """The same as a log of decisions, by whom chance alone decided."""
        return Log((NOTHING, *self.actions), self.arm, self.outcome, self.chance, self.units)

    def half(self) -> Mask:
        """Every second customer, with all rows, (n,)."""
        return np.asarray(np.unique(self.units, return_inverse=True)[1] % 2 == 0)

    def sampled(self, most: int, seed: int) -> "Trial":
        """At most about ``most`` rows: customers drawn with all of theirs, in the same order."""
        if len(self) <= most:
            return self
        codes = np.unique(self.units, return_inverse=True)[1]
        kept = np.random.default_rng(seed).random(int(codes.max()) + 1) < most / len(self)
        return self.where(np.asarray(kept[codes]))


def joined(trials: Sequence[Trial]) -> Trial:
    """The rows of all, which are of the same features and actions."""
    return replace(
        trials[0],
        matrix=np.vstack([one.matrix for one in trials]),
        arm=np.concatenate([one.arm for one in trials]),
        outcome=np.concatenate([one.outcome for one in trials]),
        chance=np.vstack([one.chance for one in trials]),
        units=np.concatenate([one.units for one in trials]),
    )


def pseudo_outcomes(trial: Trial, treated: Floats, control: Floats) -> Floats:
    """Doubly robust, unbiased and noisy estimates of each action's effect, (n, k).

    ``mu_a - mu_0 + 1(a) (y - mu_a) / p_a - 1(0) (y - mu_0) / p_0`` (Kennedy 2020); NaN where
    the action was not on offer.

    Args:
        trial: the rows.
        treated: predicted outcome with each action, (n, k), by models that did not see them.
        control: predicted outcome without, (n, k).
    """
    found = np.full(treated.shape, np.nan)
    for place in range(len(trial.actions)):
        on = trial.offered[:, place]
        with_action, without = treated[on, place], control[on, place]
        outcome, arm = trial.outcome[on], trial.arm[on]
        moved = np.where(arm == place + 1, outcome - with_action, 0.0)
        held = np.where(arm == 0, outcome - without, 0.0)
        chance = trial.chance[on]
        found[on, place] = (
            with_action - without + moved / chance[:, place + 1] - held / chance[:, 0]
        )
    return found


def surprise(trial: Trial) -> Floats:
    """What was done less the probability of it, (n, k): zero in mean, whoever the customer is."""
    done = trial.arm[:, np.newaxis] == np.arange(1, len(trial.actions) + 1)
    return np.asarray(done - trial.chance[:, 1:])


def unexplained(trial: Trial, treated: Floats, control: Floats) -> Floats:
    """Outcomes less what was expected of them before chance decided, (n,).

    Args:
        trial: the rows.
        treated: predicted outcome with each action, (n, k), by models that did not see them.
        control: predicted outcome without, (n, k).
    """
    rows, chance = np.arange(len(trial)), trial.chance
    acted = np.where(trial.offered, chance[:, 1:] * treated, 0.0).sum(axis=1)
    return np.asarray(trial.outcome - acted - chance[:, 0] * control[rows, trial.codes])
