"""A shop that can be acted on: what customers do after an action that somebody decided.

The same response functions as in the campaigns (:mod:`retain.simulator.response`), asked week by
week instead of by the calendar, so that a policy can decide, see what comes, and learn.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from retain.clock import to_micros
from retain.simulator.campaigns import RESPONSE_DAYS, situated
from retain.simulator.columns import DAY, NEVER, FloatArray, IntArray, chance
from retain.simulator.plan import plan
from retain.simulator.purchases import Purchases, chance_of_order, purchases
from retain.simulator.response import ACTIONS, Situation, response
from retain.simulator.tastes import expected_spend
from retain.simulator.timeline import Timeline
from retain.simulator.trials import Assignments, Orders, after, answered_at
from retain.simulator.world import World, world

NOTHING = "none"
ARMS = (NOTHING, *ACTIONS)
"""What can be done, nothing first."""


@dataclass(slots=True)
class ActedOn:
    """One block of customers and their orders so far.

    Attributes:
        natural: orders nobody's action changed.
        orders: those that really came; what is later than the last action may yet change.
        spend: expected value of an order, (customers,).
    """

    world: World
    natural: Purchases
    orders: Orders
    spend: FloatArray

    def stand(self, at: datetime) -> Situation:
        """Every customer at ``at``, by the orders so far."""
        moments = np.full(len(self.world.population), to_micros(at), dtype=np.int64)
        return situated(self.world, moments, self._timeline())

    def chances(self, situation: Situation) -> FloatArray:
        """True probability of an order within 14 days, by :data:`ARMS`, (n, arms)."""
        control = chance_of_order(
            self.world, self.natural, situation.customer, situation.at, RESPONSE_DAYS
        )
        found = [control]
        for action in ACTIONS:
            add, drop = self._response(action, situation)
            found.append(control + (1.0 - control) * add - control * drop)
        return np.column_stack(found)

    def act(self, situation: Situation, arm: IntArray) -> None:
        """Do ``arm`` (n,), a place in :data:`ARMS`, and let the customers answer.

        Who would have ordered within 14 days may not, and who would not may; all else stays.
        """
        rng = np.random.default_rng([self.world.plan.seed, int(situation.at.min(initial=0)) // DAY])
        who, at, n = situation.customer, situation.at, len(situation.customer)
        add, drop = np.zeros(n), np.zeros(n)
        for place, action in enumerate(ACTIONS, start=1):
            mine = arm == place
            add[mine], drop[mine] = self._response(action, situation.where(mine))
        natural = Timeline(self.natural.customer, self.natural.ts, self.world.plan.start)
        would = natural.any_within(who, at, at + RESPONSE_DAYS * DAY)
        acted = arm > 0
        gains = acted & ~would & chance(rng, add, n)
        lost = acted & would & chance(rng, drop, n)
        added = np.where(gains, answered_at(rng, self.world, who, at), NEVER)
        nothing = np.zeros(n)
        made = Assignments(
            customer=who,
            campaign=arm.astype(np.int64),
            assigned_at=at,
            treated=acted,
            delivered=acted,
            control_probability=nothing,
            treated_probability=nothing,
            added_at=added,
            lost=lost,
            unsubscribed_at=np.full(n, NEVER, dtype=np.int64),
        )
        self.orders = after(self.orders, made, len(self.world.population))

    def _timeline(self) -> Timeline:
        return Timeline(self.orders.customer, self.orders.ts, self.world.plan.start)

    def _response(self, action: str, situation: Situation) -> tuple[FloatArray, FloatArray]:
        add, drop = response(action, situation)
        gone = self.world.population.churned_at[situation.customer] <= situation.at
        return np.where(gone, 0.0, add), drop


def open_shop(customers: int, *, seed: int) -> ActedOn:
    """A shop as it would be had nobody ever written to its customers; at most 5,000 of them.

    Its window is :func:`retain.simulator.plan.plan`'s default; what is done lies within it.
    """
    [block] = plan(customers, seed=seed).blocks()
    here = world(plan(customers, seed=seed), block)
    natural = purchases(here)
    nobody = np.full(len(natural.ts), -1, dtype=np.int64)
    spend = expected_spend(here.population, here.tastes, here.products)
    return ActedOn(here, natural, Orders(natural.customer, natural.ts, nobody), spend)
