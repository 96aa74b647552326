"""The loop: decide, observe, train again, week after week, in a shop whose truth is known.

All but the customers is the real thing: the ranking with its exploration, receipts, attribution,
the log as a training set, and the response head.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from retain.clock import from_micros
from retain.decisions.actions import ActionConfig
from retain.decisions.caps import ContactState
from retain.decisions.catalogues import compile_catalogue
from retain.decisions.exploration import Exploration
from retain.decisions.ranking import Ranker, Ranking
from retain.decisions.receipt import Evidence, Receipt, write_receipt
from retain.labels import RESPONSE_WINDOW_DAYS
from retain.predictors import ResponsePredictor
from retain.predictors.trees import Floats
from retain.simulator.acted_on import ARMS, NOTHING, ActedOn, open_shop
from retain.simulator.columns import DAY
from retain.simulator.response import ACTIONS, Situation
from training.policies.loop_log import LoopLog, names
from training.selection import candidates

MARGIN = 0.35
DISCOUNT = 0.10
COSTS = {"email": 0.02, "push": 0.001}
_WEEK = timedelta(days=7)
_COHORTS = 2
_KNOWN_DAYS = 30.0
_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to decide.

    Attributes:
        exploration: how the ranking chooses.
        learns: whether the response head is trained again on what was observed.
    """

    name: str
    exploration: Exploration
    learns: bool = True


# half of the decisions to chance while every action and doing nothing are new, 3 % once none is
EXPLORING = Exploration(method="thompson", epsilon=0.03, epsilon_new=0.5, fewest_outcomes=300)
ARMS_COMPARED = (
    Arm("exploring", EXPLORING),
    Arm("greedy", Exploration(method="greedy")),
    Arm("random", Exploration(method="thompson", epsilon=1.0), learns=False),
)


@dataclass(frozen=True, slots=True)
class Week:
    """What one week's decisions were worth, per decision, in money of expected profit.

    Attributes:
        best: of the best known policy: for each customer the action that is best in truth.
        chosen: of the policy, on average over what it might have chosen.
        exploited: of the action it believed to be best.
        rows: what its model had learned from; 0 where it had none.
    """

    number: int
    decisions: int
    best: float
    chosen: float
    exploited: float
    rows: int
    learner: str
    actions: Mapping[str, float] = field(default_factory=dict)

    @property
    def regret(self) -> float:
        """What the best known policy would have earned more."""
        return self.best - self.chosen


def run(
    arm: Arm, *, seed: int, customers: int = 4_000, weeks: int = 20, train_every: int = 2
) -> list[Week]:
    """Decide every week for half of the customers, and train on what they did since.

    Every customer is decided for once in two weeks, which is how long an answer takes.

    Args:
        arm: how it is decided.
        seed: of the shop and of the model.
        customers: at most 5,000.
        weeks: how many.
        train_every: so many weeks lie between two trainings.
    """
    shop = open_shop(customers, seed=seed)
    end = from_micros(shop.world.plan.end)
    first = end - weeks * _WEEK - timedelta(days=RESPONSE_WINDOW_DAYS + 1)
    log, predictor, found = LoopLog(shop), None, []
    for number in range(weeks):
        now = first + number * _WEEK
        if arm.learns and number % train_every == 0:
            predictor = log.trained(now, seed) or predictor
        situation = addressed(shop, now, number % _COHORTS)
        columns = observed(shop, situation)
        ranking = _ranker(predictor).rank(
            columns, names(situation), now=now, exploration=arm.exploration
        )
        receipts = [
            _receipt(ranking, row, f"{arm.name}-{seed}-{number}-{row}")
            for row in range(len(situation.customer))
        ]
        chosen = np.array([ARMS.index(one["actions"][0]["action_id"]) for one in receipts])
        found.append(_judged(shop, situation, receipts, number + 1, predictor))
        shop.act(situation, chosen)
        log.add(receipts, situation, columns, now)
    return found


def observed(shop: ActedOn, situation: Situation) -> dict[str, Any]:
    """What the log would show of these customers; hidden traits only as far as they show."""
    profile = shop.world.profiles
    who, n = situation.customer, len(situation.customer)
    # what a customer showed by now stays the same when it is looked at again
    noise = np.random.default_rng([shop.world.plan.seed, 99]).standard_normal(
        (3, len(profile.email))
    )
    orders = np.maximum(situation.orders, 1)
    spread = noise[:, who] / np.sqrt(orders)
    columns: dict[str, Any] = {
        one.name: np.full(n, None if one.dtype == "category" else np.nan, dtype=object)
        if one.dtype == "category"
        else np.full(n, np.nan)
        for one in candidates()
    }
    columns |= {
        "order_recency_days": situation.recency_days,
        "cycle_position": situation.cycle_position,
        "orders_lifetime": situation.orders.astype(np.float64),
        "order_gap_mean_days": situation.recency_days / np.maximum(situation.cycle_position, 1e-9),
        "coupon_use_rate": np.clip(situation.coupon_rate + 0.3 * spread[0], 0.0, 1.0),
        "last_score": np.clip(np.rint(3.6 + situation.satisfaction + spread[1]), 1.0, 5.0),
        "average_order_value": shop.spend[who] * np.exp(0.4 * spread[2]),
        "app_share": situation.app_share,
        "age_band": np.array([_BANDS[each] for each in situation.age_band], dtype=object),
    }
    channels = np.empty(n, dtype=object)
    channels[:] = [["email", "push"] if profile.push[each] else ["email"] for each in who]
    return {**columns, "reachable_channels": channels}


def worth(shop: ActedOn, situation: Situation) -> Floats:
    """True expected profit of every arm over doing nothing, (n, arms); -inf where not reachable."""
    chances, spend = shop.chances(situation), shop.spend[situation.customer]
    found = (chances - chances[:, :1]) * (spend * MARGIN)[:, np.newaxis]
    for place, action in enumerate(ACTIONS.values(), start=1):
        found[:, place] -= COSTS[action.channel]
        if action.coupon:
            found[:, place] -= chances[:, place] * DISCOUNT * spend
        if action.channel == "push":
            found[~shop.world.profiles.push[situation.customer], place] = -np.inf
    return found


def addressed(shop: ActedOn, now: datetime, cohort: int) -> Situation:
    """This week's customers: who ordered, may be written to, and has been here for a month."""
    everybody = shop.stand(now)
    here = shop.world.population.begins_at + int(_KNOWN_DAYS * DAY) < everybody.at
    profiles = shop.world.profiles
    may = here & (everybody.orders > 0) & profiles.email & (profiles.withdraws_at > everybody.at)
    return everybody.where(may & (everybody.customer % _COHORTS == cohort))


def _receipt(ranking: Ranking, row: int, decision_id: str) -> Receipt:
    return write_receipt(
        decision_id, ranking, row, ContactState(), Evidence(), limit=1, reserved=True
    )


def _judged(
    shop: ActedOn,
    situation: Situation,
    receipts: list[Receipt],
    number: int,
    predictor: ResponsePredictor | None,
) -> Week:
    true = worth(shop, situation)
    possible = np.where(np.isfinite(true), true, 0.0)
    chance, believed = np.zeros(true.shape), np.zeros(len(true), dtype=np.intp)
    for row, receipt in enumerate(receipts):
        kept = [one for one in receipt["candidates"] if one["removed_by"] is None]
        for one in kept:
            chance[row, ARMS.index(one["action_id"])] = one["propensity"]
        best = max(kept, key=lambda one: one["terms"]["expected_value"] or 0.0)
        believed[row] = ARMS.index(best["action_id"])
    parameters = {} if predictor is None else predictor.manifest.parameters
    return Week(
        number,
        len(receipts),
        float(true.max(axis=1).mean()),
        float((chance * possible).sum(axis=1).mean()),
        float(true[np.arange(len(true)), believed].mean()),
        0 if predictor is None else predictor.manifest.training.rows,
        str(parameters.get("learner", "prior")),
        dict(zip(ARMS, chance.mean(axis=0).tolist(), strict=True)),
    )


def _ranker(predictor: ResponsePredictor | None) -> Ranker:
    return Ranker(_CATALOGUE, predictor)


def _action(action_id: str, channel: str, *, coupon: bool = False) -> dict[str, Any]:
    nothing = action_id == NOTHING
    return {
        "id": action_id,
        "names": {"en": action_id, "ko": action_id},
        "channel": channel,
        "purpose": "none" if nothing else "cross_sell",
        "tone": "trust",
        "content_type": "text",
        "treatments": [{"name": "standard", "discount": DISCOUNT if coupon else 0.0}],
        "contact_cost": COSTS.get(channel, 0.0),
        "value": 0 if nothing else "average_order_value",
        "margin": MARGIN,
        # the same of every action: what they do is to be learned
        "prior": {"conversion": 0 if nothing else 0.12, "uplift": 0 if nothing else 0.03,
                  "source": "no campaign was measured"},
        "valid_hours": 24,
        "send": "at_once",
        "respects_quiet_hours": False,
    }  # fmt: skip


_CATALOGUE = compile_catalogue(
    ActionConfig.model_validate(
        {
            "quiet_hours": {"start": 0, "end": 0},
            "contact_cap": {"limit": 7, "days": 7},
            "basket": "average_order_value",
            "rules": {},
            "actions": [
                _action(NOTHING, "none"),
                *(_action(name, one.channel, coupon=one.coupon) for name, one in ACTIONS.items()),
            ],
        }
    ),
    file="loop",
)
