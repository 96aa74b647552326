"""Simulated logs whose truth is known: what estimators are checked against."""

from dataclasses import dataclass

import numpy as np

from retain.predictors.calibrator import log_odds, sigmoid
from retain.predictors.trees import Floats
from retain.simulator.campaigns import RESPONSE_DAYS, addressed, calendar
from retain.simulator.plan import plan
from retain.simulator.purchases import Purchases, chance_of_order, purchases
from retain.simulator.response import ACTIONS, Situation, response
from retain.simulator.timeline import Timeline
from retain.simulator.trials import run
from retain.simulator.truth import campaign_truth
from retain.simulator.world import World, world
from training.policies.log import Log, always
from training.policies.trial import NOTHING

NAMES = (NOTHING, *ACTIONS)
_NOISE = 0.03
_SHARPNESS = 25.0
_LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Simulated:
    """A log, and the true probability of an order under every action, (n, k).

    ``guess`` is what a middling model thinks it is; NaN where an action was not possible.
    """

    log: Log
    truth: Floats
    guess: Floats

    def value(self, policy: Floats) -> float:
        """What the policy is worth on these rows, in truth."""
        return float(np.where(policy > 0.0, policy * self.truth, 0.0).sum(axis=1).mean())

    def policies(self) -> dict[str, Floats]:
        """Policies that need no truth to be followed, (n, k) each."""
        known = np.nan_to_num(self.guess, nan=-1.0)
        gain = known - known[:, :1]
        nothing = np.zeros(len(self.log), dtype=np.intp)
        responding = np.where(known[:, 0] > np.quantile(known[:, 0], 0.7), 1, 0)
        first = np.where(self.log.chance[:, 1:] > 0.0, 1, 0).argmax(axis=1) + 1
        return {
            "do nothing": always(self.log, nothing),
            "first action for all": always(self.log, first),
            "best guess": always(self.log, gain.argmax(axis=1)),
            "best responders": always(self.log, np.where(responding > 0, first, 0)),
            "half of each": 0.5 * always(self.log, gain.argmax(axis=1)) + 0.5 * self.log.chance,
        }


def campaigns(seed: int, customers: int) -> Simulated:
    """A shop's campaigns as they came to pass: an action, or held out of it, by chance.

    At most 5,000 customers: one block of the simulator's.
    """
    here, natural = _shop(seed, customers)
    trials, orders = run(here, natural)
    table = campaign_truth(here, trials, orders)
    shares = {one.campaign_id: one.control_share for one in calendar(here.plan)}
    held_out = np.array([shares[one] for one in table.column("campaign_id").to_pylist()])
    actions = np.array([NAMES.index(one) for one in table.column("action_id").to_pylist()])
    rows = np.arange(table.num_rows)
    chance, truth = np.zeros((len(rows), len(NAMES))), np.full((len(rows), len(NAMES)), np.nan)
    chance[:, 0], chance[rows, actions] = held_out, 1.0 - held_out
    truth[:, 0] = table.column("control_probability").to_numpy()
    truth[rows, actions] = table.column("treated_probability").to_numpy()
    log = Log(
        NAMES,
        np.where(table.column("treated").to_numpy(zero_copy_only=False), actions, 0),
        table.column("ordered_14d").to_numpy(zero_copy_only=False).astype(np.float64),
        chance,
        np.array(table.column("customer_id").to_pylist(), dtype=object),
    )
    return Simulated(log, truth, _guessed(truth, seed))


def exploring(seed: int, customers: int) -> Simulated:
    """Decisions among all actions at the campaigns' moments, by a policy that explores.

    Outcomes are drawn from the truth; each decision is made as if none had been before.
    """
    here, natural = _shop(seed, customers)
    rng = np.random.default_rng([seed, 1])
    parts = [_decisions(here, natural, number) for number in range(len(calendar(here.plan)))]
    units = np.concatenate([who for who, _ in parts])
    truth = np.clip(np.vstack([chances for _, chances in parts]), 0.0, 1.0)
    guess = _guessed(truth, seed)
    scores = np.exp(_SHARPNESS * (guess - guess.max(axis=1, keepdims=True)))
    chance = _LEAST + (1.0 - _LEAST * len(NAMES)) * scores / scores.sum(axis=1, keepdims=True)
    chosen = (rng.random((len(units), 1)) > np.cumsum(chance, axis=1)).sum(axis=1)
    chosen = np.minimum(chosen, len(NAMES) - 1)
    reward = (rng.random(len(units)) < truth[np.arange(len(units)), chosen]).astype(np.float64)
    # a log, like a shop's, has its customers under their own names
    return Simulated(Log(NAMES, chosen, reward, chance, units), truth, guess)


def _shop(seed: int, customers: int) -> tuple[World, Purchases]:
    shop = plan(customers, seed=seed)
    [block] = shop.blocks()
    here = world(shop, block)
    return here, purchases(here)


def _decisions(here: World, natural: Purchases, number: int) -> tuple[Floats, Floats]:
    campaign = calendar(here.plan)[number]
    orders = Timeline(natural.customer, natural.ts, here.plan.start)
    rng = here.rng(f"decisions-{number}")
    at: Situation = addressed(rng, here, campaign, orders, here.profiles.withdraws_at)
    control = chance_of_order(here, natural, at.customer, at.at, RESPONSE_DAYS)
    gone = here.population.churned_at[at.customer] <= at.at
    chances = [control]
    for action in ACTIONS:
        add, drop = response(action, at)
        chances.append(control + (1.0 - control) * np.where(gone, 0.0, add) - control * drop)
    return at.customer.astype(np.float64), np.column_stack(chances)


def _guessed(truth: Floats, seed: int) -> Floats:
    """The truth as a middling model sees it: drawn to the mean, and blurred."""
    rng = np.random.default_rng([seed, 2])
    blurred = sigmoid(0.7 * log_odds(np.clip(truth, 0.01, 0.99)) - 0.3)
    return np.clip(blurred + rng.normal(0.0, _NOISE, truth.shape), 0.0, 1.0)
