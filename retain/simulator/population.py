"""Customers: who they are underneath, when they joined and when they silently leave."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.columns import (
    DAY,
    HOUR,
    NEVER,
    BoolArray,
    FloatArray,
    IntArray,
    day_of,
    micros,
    pick,
)
from retain.simulator.kinds import ONCE, VIP, each
from retain.simulator.plan import Block, Plan

_BEFORE_DAYS = 700
_SUDDEN = 0.45
_UNHAPPY_LEAVERS = 0.35


@dataclass(frozen=True, slots=True)
class Population:
    """One block of customers; every array is (customers,), times are microseconds.

    Attributes:
        kind: index into :data:`retain.simulator.kinds.NAMES`.
        begins_at: ``joined_at``, or the window's start for who joined before it.
        churned_at: no order at or after it; :data:`NEVER` for who stays to the end.
        fades_from: when visits begin to thin out before the end; ``churned_at`` if suddenly.
        complains: leaves after trouble that shows in support contacts.
        orders_per_year: on the season's clock. shape: Erlang shape of the gaps between orders.
        satisfaction: standard normal, hidden; shows in reviews, tickets and lifetime.
        hour: usual hour of the day, UTC.
    """

    kind: IntArray
    joined_at: IntArray
    begins_at: IntArray
    churned_at: IntArray
    fades_from: IntArray
    complains: BoolArray
    orders_per_year: FloatArray
    shape: IntArray
    visits_per_year: FloatArray
    satisfaction: FloatArray
    coupon_rate: FloatArray
    return_rate: FloatArray
    cart_rate: FloatArray
    lines: FloatArray
    hour: FloatArray
    store_share: FloatArray
    app_share: FloatArray

    def __len__(self) -> int:
        return len(self.kind)

    def joined_in_window(self) -> BoolArray:
        """Who signed up while the shop was watched."""
        return np.asarray(self.joined_at == self.begins_at, dtype=np.bool_)

    def at_usual_hour(
        self, rng: np.random.Generator, customer: IntArray, times: IntArray
    ) -> IntArray:
        """``times`` moved, within their day, to about the customer's usual hour."""
        hours = (self.hour[customer] + 2.3 * rng.standard_normal(len(times))) % 24
        return day_of(times) + micros(hours * (HOUR - 1))


def populate(plan: Plan, block: Block) -> Population:
    """Draw the customers of one block."""
    rng = plan.rng(block, "population")
    n = block.customers
    kind = pick(rng, each("share"), n)
    satisfaction = rng.standard_normal(n)
    joined_at = _joined_at(plan, rng, kind)
    begins_at = np.maximum(joined_at, plan.start)
    churned_at = _churned_at(plan, rng, kind, begins_at, satisfaction)
    fading_days = np.where(rng.random(n) < _SUDDEN, 0.0, rng.uniform(20, 80, n))
    shape_from = each("shape_from").astype(np.int64)
    shape_to = each("shape_to").astype(np.int64)
    evening = rng.random(n) < 0.6
    return Population(
        kind=kind,
        joined_at=joined_at,
        begins_at=begins_at,
        churned_at=churned_at,
        fades_from=np.maximum(churned_at - (fading_days * DAY).astype(np.int64), begins_at),
        complains=(churned_at != NEVER) & (rng.random(n) < _UNHAPPY_LEAVERS) & (kind != ONCE),
        orders_per_year=_spread(rng, kind, each("orders_per_year"), each("rate_spread")[kind]),
        shape=rng.integers(shape_from[kind], shape_to[kind] + 1),
        visits_per_year=_spread(rng, kind, each("visits_per_year"), 0.5),
        satisfaction=satisfaction,
        coupon_rate=np.clip(_spread(rng, kind, each("coupon_rate"), 0.3), 0, 0.95),
        return_rate=np.clip(_spread(rng, kind, each("return_rate"), 0.8), 0, 0.6),
        cart_rate=np.clip(_spread(rng, kind, each("cart_rate"), 0.4), 0, 0.8),
        lines=np.clip(_spread(rng, kind, each("lines"), 0.25), 1, 8),
        hour=np.where(evening, 19.0, 11.5) + 1.5 * rng.standard_normal(n),
        store_share=np.where(rng.random(n) < 0.12, rng.uniform(0.2, 0.9, n), 0.0),
        app_share=np.where(rng.random(n) < 0.40, rng.uniform(0.3, 0.95, n), 0.0),
    )


def _joined_at(plan: Plan, rng: np.random.Generator, kind: IntArray) -> IntArray:
    n = len(kind)
    earlier = rng.random(n) < each("joined_before")[kind]
    before = plan.start - (rng.uniform(1, _BEFORE_DAYS, n) * DAY).astype(np.int64)
    within = plan.start + (rng.uniform(0, plan.days - 1, n) * DAY).astype(np.int64)
    day = day_of(np.where(earlier, before, within))
    # by 21:00, so that a first order right after signing up falls on the same day
    return day + micros(rng.triangular(6, 19, 21, n) * HOUR)


def _churned_at(
    plan: Plan,
    rng: np.random.Generator,
    kind: IntArray,
    begins_at: IntArray,
    satisfaction: FloatArray,
) -> IntArray:
    """Ends of relations: exponential, mixed over customers by what they think of the shop."""
    mean = each("lifetime_days")[kind] * np.exp(0.35 * satisfaction)
    days = np.maximum(rng.exponential(mean), np.where(kind == VIP, 30.0, 1.0))
    ends = day_of(begins_at) + np.ceil(days).astype(np.int64) * DAY
    return np.where(ends >= plan.end, NEVER, ends)


def _spread(
    rng: np.random.Generator, kind: IntArray, median: FloatArray, sigma: FloatArray | float
) -> FloatArray:
    """Personal values around the type's median, log-normal with ``sigma``."""
    return np.asarray(median[kind] * np.exp(sigma * rng.standard_normal(len(kind))))


def tier_after(orders: IntArray) -> IntArray:
    """Membership tier (0 basic, 1 silver, 2 gold) after so many orders."""
    return np.searchsorted(np.array([5, 12]), orders, side="right").astype(np.int64)
