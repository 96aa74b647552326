"""Campaign assignments as a log, and the policies that could have been followed on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retain.columns import Columns
from retain.features.matrix import to_matrix
from retain.predictors import ResponsePredictor
from retain.predictors.trees import Floats
from training.assignments import Assignments
from training.policies.evaluation import Candidate
from training.policies.log import Codes, Log, always
from training.policies.trial import NOTHING

Reward = Literal["orders", "profit"]


@dataclass(frozen=True, slots=True)
class Economy:
    """What an outcome is worth and an action costs, in the unit of the reward.

    Attributes:
        reward: ``orders`` counts who ordered, ``profit`` the margin of what they bought; both
            less the cost of what was sent.
        costs: of each action; those not named cost nothing.
        margin: share of the revenue that is earned.
        value: revenue of one order on average, from before these assignments.
    """

    reward: Reward
    costs: Mapping[str, float]
    margin: float = 1.0
    value: float = 1.0

    @property
    def worth(self) -> float:
        """Of one order."""
        return 1.0 if self.reward == "orders" else self.margin * self.value


def log_of(given: Assignments, economy: Economy) -> Log:
    """Assignments as decisions between a campaign's action and nothing, by chance."""
    treated, rows = given.chance(), np.arange(len(given))
    chance = np.zeros((len(given), len(given.actions) + 1))
    chance[:, 0], chance[rows, given.codes + 1] = 1.0 - treated, treated
    chosen = np.where(given.treated > 0, given.codes + 1, 0)
    earned = given.responded if economy.reward == "orders" else economy.margin * given.revenue
    spent = np.where(given.treated > 0, _costs(given, economy)[given.codes], 0.0)
    return Log((NOTHING, *given.actions), chosen, earned - spent, chance, given.customers)


def rules(given: Assignments, log: Log) -> list[Candidate]:
    """Policies that need no model."""
    nothing = np.zeros(len(log), dtype=np.intp)
    every = given.codes + 1
    found = [
        Candidate("logged (by chance)", log.chance),
        Candidate("do nothing", always(log, nothing)),
        Candidate("send to all", always(log, every)),
    ]
    if len(given.actions) > 1:
        found += [
            Candidate(f"only {name}", always(log, np.where(given.codes == code, every, 0)))
            for code, name in enumerate(given.actions)
        ]
    return found


def following(
    given: Assignments, log: Log, predictor: ResponsePredictor, economy: Economy
) -> list[Candidate]:
    """Policies of one model: to send where it pays, and to as many of who respond anyway."""
    name = predictor.manifest.name
    treated, control = predicted(given, predictor)
    pays = (treated - control) * economy.worth > _costs(given, economy)[given.codes]
    pays &= np.isfinite(control)
    found = [Candidate(f"where {name} says it pays", _send(given, log, pays), name)]
    share = float(pays.mean())
    if 0.0 < share < 1.0:
        likely = np.nan_to_num(treated, nan=-1.0)
        most = likely >= np.quantile(likely, 1.0 - share)
        found.append(Candidate(f"as many by response of {name}", _send(given, log, most)))
    return found


def predicted(given: Assignments, predictor: ResponsePredictor) -> tuple[Floats, Floats]:
    """Probability of an order with and without the campaign's own action, (n,) each."""
    columns: Columns = given.columns
    matrix = to_matrix(columns, predictor.manifest.features)
    treated, control = predictor.response(matrix, given.actions)
    rows = np.arange(len(given))
    return treated[rows, given.codes], control[rows, given.codes]


def reward_model(
    given: Assignments, log: Log, predictor: ResponsePredictor, economy: Economy
) -> Floats:
    """What ``predictor`` expects of every action that was possible, (n, k)."""
    treated, control = predicted(given, predictor)
    rows, spent = np.arange(len(given)), _costs(given, economy)[given.codes]
    found = np.zeros_like(log.chance)
    found[:, 0] = np.nan_to_num(control) * economy.worth
    found[rows, given.codes + 1] = np.nan_to_num(treated) * economy.worth - spent
    return found


def _send(given: Assignments, log: Log, mask: np.ndarray) -> Floats:
    choice: Codes = np.where(mask, given.codes + 1, 0)
    return always(log, choice)


def _costs(given: Assignments, economy: Economy) -> Floats:
    return np.array([economy.costs.get(action, 0.0) for action in given.actions])
