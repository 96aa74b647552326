"""The campaigns as randomised trials: who was held out, and the orders they made or cost."""

from dataclasses import dataclass, fields

import numpy as np

from retain.simulator.campaigns import RESPONSE_DAYS, Campaign, addressed, calendar
from retain.simulator.columns import (
    DAY,
    HOUR,
    NEVER,
    BoolArray,
    FloatArray,
    IntArray,
    chance,
    micros,
)
from retain.simulator.purchases import Purchases, chance_of_order
from retain.simulator.response import Situation, response
from retain.simulator.timeline import Timeline
from retain.simulator.world import World

DELIVERED = 0.98
_WINDOW = RESPONSE_DAYS * DAY
_MEAN_LAG_HOURS = 84.0


@dataclass(frozen=True, slots=True)
class Assignments:
    """One row per customer of a campaign, treated or held out.

    The probabilities are those of an order within the 14 days after ``assigned_at``,
    given everything (the latent type and the silent end included) except the luck of
    those days. ``added_at``: the order the message made, or NEVER.
    """

    customer: IntArray
    campaign: IntArray
    assigned_at: IntArray
    treated: BoolArray
    delivered: BoolArray
    control_probability: FloatArray
    treated_probability: FloatArray
    added_at: IntArray
    lost: BoolArray
    unsubscribed_at: IntArray


@dataclass(frozen=True, slots=True)
class Orders:
    """When orders really came, sorted by customer and time.

    ``campaign`` is the number of the campaign that made the order, -1 for natural ones.
    """

    customer: IntArray
    ts: IntArray
    campaign: IntArray


def run(world: World, natural: Purchases) -> tuple[Assignments, Orders]:
    """All campaigns over one block, in time order: each sees what the earlier ones did."""
    rng = world.rng("trials")
    people = len(world.population)
    orders = Orders(natural.customer, natural.ts, np.full(len(natural.ts), -1, dtype=np.int64))
    unsubscribed_at = world.profiles.withdraws_at.copy()
    rounds = []
    for campaign in calendar(world.plan):
        seen = Timeline(orders.customer, orders.ts, world.plan.start)
        situation = addressed(rng, world, campaign, seen, unsubscribed_at)
        assigned = _assign(rng, world, campaign, natural, situation)
        who = situation.customer
        if campaign.channel == "email":
            left_at = np.minimum(unsubscribed_at[who], assigned.unsubscribed_at)
            unsubscribed_at[who] = left_at
        orders = after(orders, assigned, people)
        rounds.append(assigned)
    return _stacked(rounds), orders


def _assign(
    rng: np.random.Generator,
    world: World,
    campaign: Campaign,
    natural: Purchases,
    situation: Situation,
) -> Assignments:
    who, at = situation.customer, situation.at
    n = len(who)
    add, drop = response(campaign.action_id, situation)
    add = np.where(world.population.churned_at[who] <= at, 0.0, add)
    control = chance_of_order(world, natural, who, at, RESPONSE_DAYS)
    treated = ~chance(rng, campaign.control_share, n)
    delivered = treated & chance(rng, DELIVERED, n)
    would = Timeline(natural.customer, natural.ts, world.plan.start).any_within(
        who, at, at + _WINDOW
    )
    gains = delivered & ~would & chance(rng, add, n)
    # a message that is not wanted costs more than an order: some turn the channel off
    leaves = delivered & ~gains & chance(rng, 0.004 + 0.08 * drop, n)
    left_at = at + micros(rng.uniform(0.5, 40, n) * HOUR)
    return Assignments(
        customer=who,
        campaign=np.full(n, campaign.number, dtype=np.int64),
        assigned_at=at,
        treated=treated,
        delivered=delivered,
        control_probability=control,
        treated_probability=control + DELIVERED * ((1 - control) * add - control * drop),
        added_at=np.where(gains, answered_at(rng, world, who, at), NEVER),
        lost=delivered & would & chance(rng, drop, n),
        unsubscribed_at=np.where(leaves, left_at, NEVER),
    )


def answered_at(rng: np.random.Generator, world: World, who: IntArray, at: IntArray) -> IntArray:
    """Exponential delays, cut to the response time and to the end of the relation."""
    until = np.minimum(_WINDOW, world.population.churned_at[who] - at) / HOUR
    longest = np.maximum(until - 1.0, 3.0) - 2.0
    reach = 1 - np.exp(-longest / _MEAN_LAG_HOURS)
    lag = 2.0 - _MEAN_LAG_HOURS * np.log1p(-rng.random(len(who)) * reach)
    return at + micros(lag * HOUR)


def after(orders: Orders, assigned: Assignments, people: int) -> Orders:
    """``orders`` without those a message cost, and with those it made."""
    since = np.full(people, NEVER, dtype=np.int64)
    since[assigned.customer[assigned.lost]] = assigned.assigned_at[assigned.lost]
    sent_at = since[orders.customer]
    keep = ~((orders.ts > sent_at) & (orders.ts <= sent_at + _WINDOW))
    made = assigned.added_at != NEVER
    customer = np.concatenate([orders.customer[keep], assigned.customer[made]])
    ts = np.concatenate([orders.ts[keep], assigned.added_at[made]])
    campaign = np.concatenate([orders.campaign[keep], assigned.campaign[made]])
    order = np.lexsort((ts, customer))
    return Orders(customer[order], ts[order], campaign[order])


def _stacked(rounds: list[Assignments]) -> Assignments:
    nobody = np.zeros(0, dtype=np.int64)

    def column(name: str) -> np.ndarray:
        parts = [getattr(part, name) for part in rounds]
        return np.concatenate(parts) if parts else nobody

    return Assignments(*(column(field.name) for field in fields(Assignments)))
