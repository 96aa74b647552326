"""Subscriptions of some regular customers: started, renewed at term, cancelled or let go."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retain.simulator.catalogue import CURRENCY
from retain.simulator.columns import DAY, NEVER, IntArray, chance, micros, owners, positions
from retain.simulator.contacts import COMPETITORS
from retain.simulator.emission import BILLING, Happened, happened
from retain.simulator.jsontext import coded, iso, money, numbered, objects, quoted
from retain.simulator.kinds import each
from retain.simulator.world import World

TARIFFS = ("monthly", "quarterly")
REASONS = ("price", "not_used", "service", "moved", "competitor")
_TERM_DAYS = np.array([30, 90])
_PENCE = np.array([499, 1299])
_SAYS_SO = 0.65  # of those who leave; the others just do not renew
_CANCELS_ANYWAY = 0.12


@dataclass(frozen=True, slots=True)
class _Contracts:
    """One row per subscriber; ``terms`` is how many terms were paid."""

    customer: IntArray
    tariff: IntArray
    start: IntArray
    end: IntArray
    terms: IntArray

    def term_end(self, row: IntArray, number: IntArray) -> IntArray:
        """The end of the ``number``-th term, counted from 0."""
        return np.asarray(self.start[row] + (number + 1) * _TERM_DAYS[self.tariff[row]] * DAY)


def subscriptions(world: World) -> list[Happened]:
    """All subscription events of one block."""
    rng = world.rng("subscriptions")
    contracts, says_so = _contracts(rng, world)
    row, number = owners(contracts.terms), positions(contracts.terms)
    first, later = number == 0, number > 0
    return [
        _paid(world, "subscription_started", contracts, row[first], number[first]),
        _paid(world, "subscription_renewed", contracts, row[later], number[later]),
        _cancelled(rng, world, contracts, np.flatnonzero(says_so)),
    ]


def _contracts(rng: np.random.Generator, world: World) -> tuple[_Contracts, np.ndarray]:
    population, plan = world.population, world.plan
    wants = chance(rng, each("subscribes")[population.kind], len(population))
    customer = np.flatnonzero(wants)
    start = population.begins_at[customer] + micros(rng.uniform(5, 120, len(customer)) * DAY)
    until = np.minimum(population.churned_at[customer], plan.end)
    inside = start < until
    customer, start, until = customer[inside], start[inside], until[inside]
    n = len(customer)
    leaves = population.churned_at[customer] != NEVER
    early = chance(rng, _CANCELS_ANYWAY, n)
    notice = np.where(early, rng.random(n), 0.15 * rng.random(n))
    end = until - np.where(leaves | early, micros(notice * (until - start)), 0)
    tariff = chance(rng, 0.4, n).astype(np.int64)
    terms = 1 + (end - start) // (_TERM_DAYS[tariff] * DAY)
    says_so = early | (leaves & chance(rng, _SAYS_SO, n))
    return _Contracts(customer, tariff, start, end, terms), says_so


def _paid(
    world: World, event_type: str, contracts: _Contracts, row: IntArray, number: IntArray
) -> Happened:
    tariff = contracts.tariff[row]
    properties = objects(
        len(row),
        subscription_id=_ids(world, row),
        plan=coded(tariff, TARIFFS),
        term_end=iso(contracts.term_end(row, number)),
        total=money(_PENCE[tariff]),
        currency=CURRENCY,
    )
    at = contracts.term_end(row, number - 1)
    return happened(event_type, at, contracts.customer[row], properties, source=BILLING)


def _cancelled(
    rng: np.random.Generator, world: World, contracts: _Contracts, row: IntArray
) -> Happened:
    reason = rng.integers(0, len(REASONS), len(row))
    rival = np.where(REASONS.index("competitor") == reason, row % len(COMPETITORS), -1)
    properties = objects(
        len(row),
        subscription_id=_ids(world, row),
        plan=coded(contracts.tariff[row], TARIFFS),
        term_end=iso(contracts.term_end(row, contracts.terms[row] - 1)),
        reason=coded(reason, REASONS),
        competitor=coded(rival, COMPETITORS),
    )
    at, customer = contracts.end[row], contracts.customer[row]
    return happened("subscription_cancelled", at, customer, properties, source=BILLING)


def _ids(world: World, row: IntArray) -> pa.Array:
    return quoted(numbered(f"sub-{world.plan.run_id}-{world.block.number}", row))
