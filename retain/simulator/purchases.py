"""When customers would order if nobody wrote to them.

Each customer's orders are a renewal process with Erlang gaps on the season's clock
(personal rate and regularity), cut off at the silent end of the relation: the world of
the Pareto/GGG model (Platzer & Reutterer 2016), with a season on top.
"""

from dataclasses import dataclass

import numpy as np

from retain.simulator.columns import (
    DAY,
    NEVER,
    SECOND,
    BoolArray,
    FloatArray,
    IntArray,
    day_of,
    micros,
    owners,
    positions,
    running_sum,
)
from retain.simulator.kinds import BROWSER
from retain.simulator.population import Population
from retain.simulator.timeline import Timeline
from retain.simulator.world import World

_AT_SIGN_UP = 0.65
_LONGEST_DELAY_DAYS = 20.0


@dataclass(frozen=True, slots=True)
class Purchases:
    """Natural orders, (orders,), sorted by customer, then time.

    ``origin`` (customers,) is the season time of the last order before the window; for
    who joined within it, of the first order.
    """

    customer: IntArray
    ts: IntArray
    origin: FloatArray


def purchases(world: World) -> Purchases:
    """Draw the natural orders of one block."""
    rng = world.rng("purchases")
    population, season, end = world.population, world.season, world.plan.end
    kind, joins = population.kind, population.joined_in_window()
    scale = 1.0 / (population.shape * np.maximum(population.orders_per_year, 1e-9))
    first_at = _first_order_at(rng, population)
    opens = season.at(kind, np.where(joins, first_at, population.begins_at))
    # who joined earlier is met somewhere inside a gap, and a long gap is met more often
    gap = rng.standard_gamma(population.shape + 1.0) * scale
    part = rng.random(len(population))
    first_clock = np.where(joins, opens, opens + (1 - part) * gap)
    customer, clock, rank = _renewals(rng, world, first_clock, scale)

    ts = season.when(kind[customer], clock)
    ts = population.at_usual_hour(rng, customer, ts)
    opening = joins[customer] & (rank == 0)
    ts = np.where(opening, first_at[customer], ts)
    later_day = day_of(ts) > day_of(first_at[customer])
    keep = opening | ~joins[customer] | later_day
    keep &= (ts < population.churned_at[customer]) & (ts < end) & (kind[customer] != BROWSER)
    keep &= clock < season.at(kind, np.full(len(kind), end))[customer]
    customer, ts = customer[keep], ts[keep]
    order = np.lexsort((ts, customer))
    return Purchases(customer[order], ts[order], np.where(joins, opens, opens - part * gap))


def _first_order_at(rng: np.random.Generator, population: Population) -> IntArray:
    """The first order of who joins in the window: mostly within the hour of signing up."""
    n = len(population)
    soon = population.begins_at + micros(rng.uniform(1_200, 2_700, n) * SECOND)
    days = np.clip(np.ceil(rng.exponential(5.0, n)), 1, _LONGEST_DELAY_DAYS)
    later = population.begins_at + (days * DAY).astype(np.int64)
    later = population.at_usual_hour(rng, np.arange(n), later)
    return np.where(rng.random(n) < _AT_SIGN_UP, soon, later)


def _renewals(
    rng: np.random.Generator, world: World, first_clock: FloatArray, scale: FloatArray
) -> tuple[IntArray, FloatArray, IntArray]:
    """Customer, season time and rank of every event of the renewal processes."""
    population = world.population
    until = np.minimum(population.churned_at, world.plan.end)
    ends = world.season.at(population.kind, until)
    expected = population.orders_per_year * np.maximum(ends - first_clock, 0)
    # five standard deviations more than expected: the draw never ends before the window does
    counts = 1 + np.ceil(expected + 5 * np.sqrt(expected) + 6).astype(np.int64)
    customer, rank = owners(counts), positions(counts)
    gaps = rng.standard_gamma(population.shape[customer].astype(np.float64)) * scale[customer]
    clock = first_clock[customer] + running_sum(np.where(rank == 0, 0.0, gaps), counts)
    return customer, clock, rank


def chance_of_order(
    world: World, natural: Purchases, customer: IntArray, since: IntArray, days: int
) -> FloatArray:
    """P(a natural order in the ``days`` after ``since``), given all before it and the end.

    Exact for the renewal process up to the hour of the day; 0 for who has left.
    """
    population, season = world.population, world.season
    kind = population.kind[customer]
    timeline = Timeline(natural.customer, natural.ts, world.plan.start)
    last = timeline.last_before(customer, since)
    last_clock = np.where(last == -NEVER, natural.origin[customer], season.at(kind, last))
    until = np.minimum(since + days * DAY, population.churned_at[customer])
    pace = population.shape[customer] * population.orders_per_year[customer]
    now = np.maximum(season.at(kind, since) - last_clock, 0) * pace
    then = np.maximum(season.at(kind, until) - last_clock, 0) * pace
    survives = _erlang_survival_ratio(population.shape[customer], now, then)
    buys = (kind != BROWSER) & (until > since)
    return np.where(buys, 1 - survives, 0.0)


def _erlang_survival_ratio(shape: IntArray, now: FloatArray, then: FloatArray) -> FloatArray:
    """S(then) / S(now) of unit-rate Erlang gaps: the exponentials divided before they vanish."""
    top, bottom = np.ones(len(shape)), np.ones(len(shape))
    term_top, term_bottom = np.ones(len(shape)), np.ones(len(shape))
    for j in range(1, int(shape.max(initial=1))):
        term_top, term_bottom = term_top * then / j, term_bottom * now / j
        counts: BoolArray = np.asarray(j < shape)
        top += np.where(counts, term_top, 0)
        bottom += np.where(counts, term_bottom, 0)
    return np.asarray(np.exp(now - then) * top / bottom, dtype=np.float64)
