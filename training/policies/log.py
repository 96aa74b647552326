"""A log: decisions as they were made, with the probability of everything that could have been."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.errors import InvalidInput
from retain.predictors.trees import Floats

Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]

_SUM_TO_ONE = 1e-6


@dataclass(frozen=True, slots=True)
class Log:
    """n logged decisions among k actions.

    Attributes:
        actions: their names, in the order of the columns.
        chosen: which was taken, (n,).
        reward: what it brought, (n,).
        chance: the probability of every action under the policy that logged, (n, k); zero
            where an action could not have been taken.
        units: whom each decision is about, (n,); the bootstrap keeps their rows together.
    """

    actions: tuple[str, ...]
    chosen: Codes
    reward: Floats
    chance: Floats
    units: NDArray[Any]

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def propensity(self) -> Floats:
        """The probability of what was taken, (n,)."""
        return np.asarray(self.chance[np.arange(len(self)), self.chosen], dtype=np.float64)

    def rewarded(self, reward: Floats) -> "Log":
        """The same decisions, by what else they brought."""
        return replace(self, reward=reward)

    def where(self, mask: Mask) -> "Log":
        """Some of the decisions."""
        return Log(
            self.actions,
            self.chosen[mask],
            self.reward[mask],
            self.chance[mask],
            self.units[mask],
        )


def checked(log: Log) -> Log:
    """``log``, where its probabilities can be those of a policy.

    Raises:
        InvalidInput: a row's probabilities do not add up to one, or what was taken had none.
    """
    if np.abs(log.chance.sum(axis=1) - 1.0).max(initial=0.0) > _SUM_TO_ONE:
        raise InvalidInput(
            "the probabilities of a decision do not add up to one",
            remedy="log the probability of every candidate, nothing included",
        )
    if (log.propensity <= 0.0).any():
        raise InvalidInput(
            "a decision was logged that its policy never makes",
            remedy="log the probability at the moment of the decision",
        )
    return log


def shares_kept(chosen: Codes, kept: Mask, count: int) -> Floats:
    """Of each of ``count`` actions, the share of its rows that are ``kept``, (count,).

    One for what was never chosen.
    """
    rows, left = (np.bincount(each, minlength=count) for each in (chosen, chosen[kept]))
    return np.asarray(np.where(rows > 0, left / np.maximum(rows, 1), 1.0), dtype=np.float64)


def among_kept(chance: Floats, shares: Floats) -> Floats:
    """The probabilities (n, k) among rows of which each action's ``shares`` (k,) were kept.

    Whoever got nothing is always kept, so nothing is likelier among those that are left.
    """
    left = chance * shares
    return np.asarray(left / left.sum(axis=1, keepdims=True), dtype=np.float64)


def always(log: Log, choice: Codes) -> Floats:
    """The policy that takes ``choice`` (n,) with certainty, as probabilities (n, k)."""
    found = np.zeros_like(log.chance)
    found[np.arange(len(log)), choice] = 1.0
    return found


def uniform(log: Log) -> Floats:
    """Every action that could have been taken, equally likely, (n, k)."""
    possible = (log.chance > 0.0).astype(np.float64)
    return np.asarray(possible / possible.sum(axis=1, keepdims=True), dtype=np.float64)


def best(log: Log, score: Floats, order: Sequence[int] | None = None) -> Floats:
    """The policy that takes the possible action with the highest ``score`` (n, k).

    Of equal ones the first counts, by ``order`` of the columns where it is given.
    """
    columns = np.arange(score.shape[1]) if order is None else np.asarray(order)
    reachable = np.where(log.chance > 0.0, score, -np.inf)[:, columns]
    return always(log, columns[reachable.argmax(axis=1)])
