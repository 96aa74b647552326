"""How a message changes what a customer would have done: the true, individual response.

For each action two chances are given. ``add``: an order comes that would not have come.
``drop``: an order that would have come within the response time does not (a sleeping
dog). Both depend on the latent type *and* on things the event log shows, so that uplift
can be learned but never read off.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from retain.simulator.columns import BoolArray, FloatArray, IntArray
from retain.simulator.kinds import BARGAIN, GIFT, ONCE, REGULAR, VIP


@dataclass(frozen=True, slots=True)
class Situation:
    """Customers at the moment ``at`` of their assignment, (customers,) each.

    ``recency_days`` and ``cycle_position`` (recency over the personal mean gap) are large
    where there is no order yet.
    """

    customer: IntArray
    at: IntArray
    kind: IntArray
    recency_days: FloatArray
    cycle_position: FloatArray
    orders: IntArray
    coupon_rate: FloatArray
    satisfaction: FloatArray
    age_band: IntArray
    app_share: FloatArray

    def where(self, rows: IntArray | BoolArray) -> "Situation":
        """Some of the customers."""
        return Situation(*(getattr(self, each.name)[rows] for each in fields(self)))


Chances = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the campaigns: its channel, its coupon and what it does."""

    channel: str
    coupon: bool
    response: Callable[[Situation], Chances]


def response(action_id: str, situation: Situation) -> Chances:
    """``add`` and ``drop`` of ``action_id``, (customers,) each, in [0, 0.9]."""
    add, drop = ACTIONS[action_id].response(situation)
    return np.clip(add, 0, 0.9), np.clip(drop, 0, 0.9)


def _winback(s: Situation) -> Chances:
    """Lapsing coupon users come back; contented full-price buyers feel pushed."""
    base = _by_kind(s, gift=0.10, regular=0.30, bargain=0.42, vip=0.24, once=0.04)
    add = base * np.exp(-np.maximum(s.recency_days - 45, 0) / 150) * (0.7 + 1.2 * s.coupon_rate)
    full_price = (s.coupon_rate < 0.10) & (s.satisfaction > 0)
    drop = np.where(full_price, _by_kind(s, gift=0.40, regular=0.25, vip=0.30), 0.04)
    return add, drop


def _replenishment(s: Situation) -> Chances:
    """Works near the end of a regular cycle; bargain hunters are told to wait for a sale."""
    due = _around(s.cycle_position, 1.15, 0.45)
    add = _by_kind(s, gift=0.03, regular=0.50, bargain=0.08, vip=0.38) * due
    drop = np.where(s.cycle_position < 0.6, 0.20, 0.03) + _by_kind(s, bargain=0.30)
    return add, drop


def _cross_sell(s: Situation) -> Chances:
    """Fresh, content and experienced buyers add something; a disappointed one is annoyed."""
    fresh = np.exp(-s.recency_days / 55) * (0.7 + 0.3 * np.minimum(s.orders, 6) / 3)
    base = _by_kind(s, gift=0.10, regular=0.18, bargain=0.16, vip=0.32, once=0.05)
    add = base * fresh * np.clip(1 + 0.4 * s.satisfaction, 0, 2)
    return add, np.where(s.satisfaction < -0.7, 0.35, 0.03)


def _reengagement(s: Situation) -> Chances:
    """A push wakes the young and the app's users, and makes the older turn it off."""
    young = np.array([1.7, 1.4, 1.0, 0.6, 0.3, 0.15])[s.age_band]
    base = _by_kind(s, gift=0.10, regular=0.18, bargain=0.22, vip=0.20, once=0.05, browser=0.0)
    add = base * young * (0.7 + 0.8 * s.app_share) * np.exp(-s.recency_days / 400)
    return add, np.array([0.02, 0.02, 0.05, 0.15, 0.30, 0.35])[s.age_band]


def _by_kind(
    s: Situation,
    *,
    gift: float = 0.0,
    regular: float = 0.0,
    bargain: float = 0.0,
    vip: float = 0.0,
    once: float = 0.0,
    browser: float = 0.0,
) -> FloatArray:
    table = np.full(6, browser)
    table[[GIFT, REGULAR, BARGAIN, VIP, ONCE]] = gift, regular, bargain, vip, once
    return table[s.kind]


def _around(value: FloatArray, centre: float, width: float) -> FloatArray:
    distance = np.log(np.maximum(value, 1e-3) / centre) / width
    return np.asarray(np.exp(-0.5 * distance**2), dtype=np.float64)


ACTIONS = {
    "winback_offer_email": Action("email", coupon=True, response=_winback),
    "replenishment_email": Action("email", coupon=False, response=_replenishment),
    "cross_sell_email": Action("email", coupon=False, response=_cross_sell),
    "reengagement_push": Action("push", coupon=False, response=_reengagement),
}
