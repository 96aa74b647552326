"""How many of their visits customers still make: fading, gone, or only resting."""

import numpy as np

from retain.simulator.columns import DAY, NEVER, FloatArray, IntArray, micros
from retain.simulator.world import World

_LULL = 0.40  # of all customers have a quiet time that means nothing
_IN_LULL = 0.25
_BY_THE_END = 0.15
_AFTERWARDS = 0.18


def liveliness(
    rng: np.random.Generator, world: World, customer: IntArray, ts: IntArray
) -> FloatArray:
    """The share (rows,) of their visits that customers still make at ``ts``.

    Some fade before the silent end and look in now and then after it; many have a quiet
    time that means nothing, so that fewer visits are a sign and never a proof.
    """
    population, plan = world.population, world.plan
    n = len(population)
    ends, fades = population.churned_at, population.fades_from
    fading = np.clip((ts - fades[customer]) / np.maximum(ends - fades, 1)[customer], 0, 1)
    lively = 1 - (1 - _BY_THE_END) * np.where(ends[customer] == NEVER, 0, fading)
    lively = np.where(ts >= ends[customer], _AFTERWARDS, lively)
    lull_from = plan.start + micros(rng.uniform(0, plan.days, n) * DAY)
    lull_to = lull_from + micros(rng.uniform(20, 60, n) * DAY)
    lull_to = np.where(rng.random(n) < _LULL, lull_to, lull_from)
    resting = (ts >= lull_from[customer]) & (ts < lull_to[customer])
    return np.where(resting, _IN_LULL, 1.0) * lively
