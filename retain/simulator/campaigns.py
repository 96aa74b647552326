"""The calendar of campaigns, and whom each may address."""

from dataclasses import dataclass

import numpy as np

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
from retain.simulator.plan import Plan
from retain.simulator.response import ACTIONS, Situation
from retain.simulator.timeline import Timeline
from retain.simulator.world import World

RESPONSE_DAYS = 14
_FIRST_DAY = 63
_EVERY_DAYS = 36
_LAST_DAYS = RESPONSE_DAYS + 2
_ADDRESSED = 0.92  # of the eligible; the others are not part of the campaign at all
_ROUND = ("cross_sell_email", "replenishment_email", "reengagement_push", "winback_offer_email")
_NO_ORDER_DAYS = 9_999.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign; ``at`` (microseconds) is when its assignment starts."""

    number: int
    action_id: str
    at: int
    control_share: float

    @property
    def campaign_id(self) -> str:
        """Unique within the shop."""
        return f"{self.action_id}-{self.number + 1:02d}"

    @property
    def channel(self) -> str:
        """The channel its messages go out on."""
        return ACTIONS[self.action_id].channel


def calendar(plan: Plan) -> tuple[Campaign, ...]:
    """The campaigns of a plan: one every 36 days, the four actions in turn."""
    days = range(_FIRST_DAY, plan.days - _LAST_DAYS, _EVERY_DAYS)
    return tuple(
        Campaign(
            number=number,
            action_id=_ROUND[number % len(_ROUND)],
            at=plan.start + day * DAY + 9 * HOUR,
            control_share=(0.25, 0.30, 0.27)[number % 3],
        )
        for number, day in enumerate(days)
    )


def addressed(
    rng: np.random.Generator,
    world: World,
    campaign: Campaign,
    orders: Timeline,
    unsubscribed_at: IntArray,
) -> Situation:
    """The customers of ``campaign`` and how each stands when it is assigned.

    Judged only by what the shop could see: it does not know who has left.
    """
    population, profiles = world.population, world.profiles
    at = campaign.at + micros(rng.uniform(0, 2 * HOUR, len(population)))
    everybody = situated(world, at, orders)
    reachable = profiles.push if campaign.channel == "push" else profiles.email
    known = population.begins_at + 30 * DAY < at
    eligible = known & reachable & (unsubscribed_at > at)
    eligible &= _fits(campaign.action_id, everybody.recency_days, everybody.orders)
    who = np.flatnonzero(eligible & chance(rng, _ADDRESSED, len(population)))
    return everybody.where(who)


def situated(world: World, at: IntArray, orders: Timeline) -> Situation:
    """How every customer stands at their moment of ``at`` (customers,), by the orders so far."""
    population = world.population
    everyone = np.arange(len(population))
    last = orders.last_before(everyone, at)
    count = orders.count_before(everyone, at)
    recency = np.where(last == -NEVER, _NO_ORDER_DAYS, (at - last) / DAY)
    first = orders.first_before(everyone, at)
    gap = np.where(count > 1, (last - first) / DAY / np.maximum(count - 1, 1), 60.0)
    return Situation(
        customer=everyone,
        at=at,
        kind=population.kind,
        recency_days=recency,
        cycle_position=recency / np.maximum(gap, 1.0),
        orders=count,
        coupon_rate=population.coupon_rate,
        satisfaction=population.satisfaction,
        age_band=world.profiles.age_band,
        app_share=population.app_share,
    )


def _fits(action_id: str, recency_days: FloatArray, orders: IntArray) -> BoolArray:
    fits = {
        "winback_offer_email": (recency_days > 50) & (recency_days < 400),
        "replenishment_email": (orders > 1) & (recency_days > 7) & (recency_days < 150),
        "cross_sell_email": recency_days < 120,
        "reengagement_push": recency_days > 21,
    }[action_id]
    return np.asarray(fits, dtype=np.bool_)
