"""Exploration: now and then something else than the best, with the exact chance of it logged.

A policy gives every action that no constraint removed a probability; one of them is drawn by a
number that is a hash of the decision's seed. Probability and seed are in the receipt, so a
decision can be made again from its receipt, and a later policy can be judged on what this one did
(inverse propensity scoring: Horvitz and Thompson 1952; Bottou et al. 2013).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retain.bucketing import place
from retain.configuration import Declared

Method = Literal["greedy", "epsilon_greedy", "thompson"]
_WITHOUT = "outcome without an action"
Share = Annotated[float, Field(ge=0, le=1)]


class Exploration(Declared):
    """How much is explored, and how.

    Attributes:
        method: ``greedy``: nothing is. ``epsilon_greedy``: the best, but in a share ``epsilon``
            of decisions any action. ``thompson``: each action as often as it may be the best
            (Thompson 1933), mixed with the same share of any action.
        epsilon: that share. Above 0 every action that is allowed has a chance, without which no
            policy that would do it could be judged from the log.
        new_share: of what ``epsilon`` gives, how much goes to actions with too few outcomes.
        epsilon_new: the share ``epsilon`` is while every option is new; it falls with how many
            are to ``epsilon``. None is ``epsilon`` from the start.
        fewest_outcomes: outcomes of treated customers after which an action is no longer new; of
            held-out customers, after which doing nothing is not.
        prior_outcomes: as many outcomes as an uplift is worth before any was measured.
        draws: how many times the beliefs are drawn from by ``thompson``.
    """

    method: Method = "greedy"
    epsilon: Share = 0.1
    new_share: Share = 0.5
    epsilon_new: Share | None = None
    fewest_outcomes: Annotated[int, Field(ge=0)] = 100
    prior_outcomes: Annotated[float, Field(gt=0)] = 200.0
    draws: Annotated[int, Field(ge=10, le=10_000)] = 200

    @property
    def explores(self) -> bool:
        """Whether anything but the best is ever done."""
        return self.method != "greedy"

    def as_json(self) -> dict[str, Any]:
        """The policy of a receipt: its name, and what it needs to be applied again."""
        if not self.explores:
            return {"name": "greedy", "deterministic": True}
        given = self.model_dump(exclude={"method"}, exclude_none=True)
        return {"name": self.method, "deterministic": False, **given}

    @classmethod
    def from_json(cls, policy: Mapping[str, Any]) -> "Exploration":
        """What :meth:`as_json` wrote."""
        given = {name: policy[name] for name in cls.model_fields if name in policy}
        return cls(method=policy["name"], **given)


class Option(NamedTuple):
    """An action that may be done, as a policy sees it.

    Attributes:
        action_id: which.
        expected: expected value.
        spread: standard deviation of what is believed of it; 0 for doing nothing.
        is_new: whether it has too few outcomes.
        shared: the part of ``spread`` that is of the outcome without the action: whatever that
            outcome is, it is the same for every action.
    """

    action_id: str
    expected: float
    spread: float = 0.0
    is_new: bool = False
    shared: float = 0.0


def probabilities(how: Exploration, options: Sequence[Option]) -> list[float]:
    """The chance of each option to be chosen; they add up to 1.

    Args:
        how: the policy.
        options: what may be done, the best first; at least one.
    """
    count = len(options)
    if not how.explores or count == 1:
        return [1.0, *[0.0] * (count - 1)]
    exploited = _shares(how, options) if how.method == "thompson" else [1.0, *[0.0] * (count - 1)]
    explored = _spread_evenly(how, options)
    share = _explored(how, options)
    return [
        (1.0 - share) * best + share * any_ for best, any_ in zip(exploited, explored, strict=True)
    ]


def choose(chances: Sequence[float], seed: str) -> int:
    """The place of the option that ``seed`` chooses: each with its chance over all seeds."""
    if chances[0] == 1.0:
        return 0
    point, reached = place("choice", seed), 0.0
    last = 0
    for at, chance in enumerate(chances):
        if chance > 0.0:
            last = at
            reached += chance
            if point < reached:
                return at
    # the sum may fall short of 1 by a rounding error
    return last


def spread_of_uplift(
    how: Exploration, conversion: float, without: float, outcomes: tuple[float, float]
) -> float:
    """Standard deviation of the difference of two shares, each of so many outcomes.

    Args:
        how: says as how many outcomes the prior counts.
        conversion: probability with the action.
        without: probability without it.
        outcomes: how many treated and held-out customers' outcomes are known.
    """
    treated, held_out = outcomes
    return float(
        (
            conversion * (1.0 - conversion) / (treated + how.prior_outcomes)
            + spread_without(how, without, held_out) ** 2
        )
        ** 0.5
    )


def spread_without(how: Exploration, without: float, held_out: float) -> float:
    """Standard deviation of the share ``without`` that so many held-out outcomes leave."""
    return float((without * (1.0 - without) / (held_out + how.prior_outcomes)) ** 0.5)


def _shares(how: Exploration, options: Sequence[Option]) -> list[float]:
    """In which share of the draws each option is the best; of equals, the first."""
    beliefs = np.array([_draws(option.action_id, how.draws) for option in options])
    expected, spread, shared = (
        np.array([[getattr(option, name)] for option in options])
        for name in ("expected", "spread", "shared")
    )
    values = expected + spread * beliefs
    if shared.any():
        own = np.sqrt(np.maximum(spread**2 - shared**2, 0.0))
        values = expected + own * beliefs + shared * _draws(_WITHOUT, how.draws)
    best = values.argmax(axis=0)
    won: list[float] = (np.bincount(best, minlength=len(options)) / how.draws).tolist()
    return won


def _explored(how: Exploration, options: Sequence[Option]) -> float:
    """In which share of decisions any option is chosen: the more, the more of them are new."""
    if how.epsilon_new is None:
        return how.epsilon
    new = sum(option.is_new for option in options) / len(options)
    return max(how.epsilon, how.epsilon_new * new)


def _spread_evenly(how: Exploration, options: Sequence[Option]) -> list[float]:
    """Each the same, and the new ones a share of their own."""
    count, new = len(options), sum(option.is_new for option in options)
    if new in (0, count):
        return [1.0 / count] * count
    common, own = (1.0 - how.new_share) / count, how.new_share / new
    return [common + own if option.is_new else common for option in options]


@cache
def _draws(action_id: str, count: int) -> NDArray[np.float64]:
    """``count`` standard normal numbers, the same in every process; (count,).

    The quantiles in the middle of ``count`` equal parts, in an order that is the action's own
    (Latin hypercube sampling, McKay, Beckman and Conover 1979): few draws then do for many.
    """
    order = sorted(range(count), key=lambda number: place(f"draw {number}", action_id))
    normal = NormalDist()
    return np.array([normal.inv_cdf((rank + 0.5) / count) for rank in order])
