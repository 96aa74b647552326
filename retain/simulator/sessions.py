"""Visits: those that end in an order, those that prepare one, and all the others."""

from dataclasses import dataclass, fields

import numpy as np

from retain.simulator.baskets import Baskets
from retain.simulator.columns import (
    DAY,
    SECOND,
    BoolArray,
    FloatArray,
    IntArray,
    chance,
    day_of,
    micros,
    owners,
    pick,
)
from retain.simulator.emission import APP, NONE, WEB
from retain.simulator.liveliness import liveliness
from retain.simulator.trials import Orders
from retain.simulator.world import World

_PREPARES = 0.30
_VISITORS = 0.10
_KNOWN_BEFORE = 0.30


@dataclass(frozen=True, slots=True)
class Sessions:
    """Visits of one block, (sessions,) each; ``length`` in microseconds.

    ``order`` is the order it ends in; ``prepares`` the order it looks around for; both
    :data:`NONE` where there is none. Anonymous visits have a ``visitor``, no ``customer``.
    """

    customer: IntArray
    visitor: IntArray
    start: IntArray
    length: IntArray
    order: IntArray
    prepares: IntArray
    channel: IntArray
    device: IntArray

    def __len__(self) -> int:
        return len(self.start)


def sessions(world: World, orders: Orders, filled: Baskets) -> Sessions:
    """Draw the visits of one block."""
    rng = world.rng("sessions")
    parts = [
        _ordering(rng, world, orders, filled),
        _preparing(rng, world, orders),
        _others(rng, world),
        _anonymous(rng, world),
    ]
    return Sessions(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Sessions))
    )


def _ordering(rng: np.random.Generator, world: World, orders: Orders, filled: Baskets) -> Sessions:
    """One visit for each order made online, from some minutes before until the order."""
    which = np.flatnonzero(~filled.in_store)
    customer, ts = orders.customer[which], orders.ts[which]
    known_for = ts - world.population.begins_at[customer]
    length = np.minimum(
        _length(rng, (filled.lines[which] + 3).astype(np.float64)),
        (0.8 * known_for).astype(np.int64),
    )
    length = length // 1_000 * 1_000
    return _visits(rng, world, customer, ts - length, length, order=which)


def _preparing(rng: np.random.Generator, world: World, orders: Orders) -> Sessions:
    """Some look around for a while, days before they order."""
    which = np.flatnonzero(chance(rng, _PREPARES, len(orders.ts)))
    customer = orders.customer[which]
    start = orders.ts[which] - micros(rng.uniform(0.3, 7, len(which)) * DAY)
    after_joining = start > world.population.begins_at[customer]
    which, customer, start = which[after_joining], customer[after_joining], start[after_joining]
    return _visits(
        rng, world, customer, start, _length(rng, np.full(len(which), 4.0)), prepares=which
    )


def _others(rng: np.random.Generator, world: World) -> Sessions:
    """A Poisson process on the season's clock, thinner towards the end of the relation."""
    population, season, end = world.population, world.season, world.plan.end
    kind = population.kind
    opens = season.at(kind, population.begins_at)
    span = season.at(kind, np.full(len(kind), end)) - opens
    counts = rng.poisson(population.visits_per_year * span).astype(np.int64)
    customer = owners(counts)
    clock = opens[customer] + span[customer] * rng.random(len(customer))
    start = population.at_usual_hour(rng, customer, season.when(kind[customer], clock))
    keep = rng.random(len(customer)) < liveliness(rng, world, customer, start)
    keep &= day_of(start) > day_of(population.begins_at[customer])
    customer, start = customer[keep], start[keep]
    return _visits(rng, world, customer, start, _length(rng, np.full(len(start), 3.0)))


def _anonymous(rng: np.random.Generator, world: World) -> Sessions:
    """Visitors who never say who they are, and some who sign up soon after."""
    population, plan = world.population, world.plan
    n = len(population)
    strangers = rng.poisson(_VISITORS * n)
    at = plan.start + micros(rng.uniform(0.5, plan.days - 0.5, strangers) * DAY)
    knows = np.flatnonzero(signs_up_known(world))
    before = population.joined_at[knows] - micros(rng.uniform(0.05, 3, len(knows)) * DAY)
    start = np.concatenate([at, np.maximum(before, plan.start)])
    visitor = np.concatenate([n + np.arange(strangers), knows])
    length = _length(rng, np.full(len(start), 2.5))
    nobody = np.full(len(start), NONE, dtype=np.int64)
    return _visits(rng, world, nobody, start, length, visitor=visitor)


def signs_up_known(world: World) -> BoolArray:
    """Customers whose anonymous visit before signing up is linked to them, (customers,)."""
    rng = world.rng("identity")
    population = world.population
    return population.joined_in_window() & chance(rng, _KNOWN_BEFORE, len(population))


def _length(rng: np.random.Generator, minutes: FloatArray) -> IntArray:
    drawn = minutes * np.exp(0.6 * rng.standard_normal(len(minutes)))
    return micros(np.clip(drawn, 0.7, 70) * 60 * SECOND)


def _visits(
    rng: np.random.Generator,
    world: World,
    customer: IntArray,
    start: IntArray,
    length: IntArray,
    *,
    visitor: IntArray | None = None,
    order: IntArray | None = None,
    prepares: IntArray | None = None,
) -> Sessions:
    n = len(start)
    none = np.full(n, NONE, dtype=np.int64)
    share = np.where(customer < 0, 0.0, world.population.app_share[customer])
    in_app = chance(rng, share, n)
    return Sessions(
        customer=customer,
        visitor=none if visitor is None else visitor,
        start=start,
        length=length,
        order=none if order is None else order,
        prepares=none if prepares is None else prepares,
        channel=np.where(in_app, APP, WEB),
        device=np.where(in_app, 0, pick(rng, (0.55, 0.37, 0.08), n)),
    )
