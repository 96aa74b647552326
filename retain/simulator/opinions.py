"""Reviews and NPS answers: a noisy view of how satisfied customers are."""

import numpy as np
import pyarrow as pa

from retain.simulator.baskets import Baskets
from retain.simulator.columns import DAY, IntArray, chance, micros, owners
from retain.simulator.emission import CRM, EMAIL, SITE, WEB, Happened, happened
from retain.simulator.jsontext import decimal, numbered, objects, quoted, taken, whole
from retain.simulator.trials import Orders
from retain.simulator.world import World

_REVIEWS_PER_ORDER = 0.08
_NPS_PER_YEAR = 0.30


def opinions(world: World, orders: Orders, filled: Baskets) -> list[Happened]:
    """Reviews some days after orders, NPS answers at any time of the relation."""
    rng = world.rng("opinions")
    return [_reviews(rng, world, orders, filled), _promoters(rng, world)]


def _reviews(rng: np.random.Generator, world: World, orders: Orders, filled: Baskets) -> Happened:
    satisfaction = world.population.satisfaction
    which = np.flatnonzero(chance(rng, _REVIEWS_PER_ORDER, len(orders.ts)))
    customer = orders.customer[which]
    felt = satisfaction[customer] + 0.8 * rng.standard_normal(len(which))
    first_line = (np.cumsum(filled.lines) - filled.lines)[which]
    properties = objects(
        len(which),
        product_id=taken(quoted(pa.array(world.products.product_ids)), filled.product[first_line]),
        score=_score(4.0 + 0.8 * felt, 1, 5),
        sentiment=decimal(np.clip(0.3 + 0.35 * felt, -1, 1)),
    )
    ts = orders.ts[which] + micros(rng.uniform(4, 25, len(which)) * DAY)
    return happened("review_submitted", ts, customer, properties, source=SITE, channel=WEB)


def _promoters(rng: np.random.Generator, world: World) -> Happened:
    population, plan = world.population, world.plan
    until = np.minimum(population.churned_at, plan.end)
    days = (until - population.begins_at) / DAY
    customer = owners(rng.poisson(_NPS_PER_YEAR * np.maximum(days, 0) / 365).astype(np.int64))
    ts = population.begins_at[customer] + micros(rng.random(len(customer)) * days[customer] * DAY)
    felt = population.satisfaction[customer] + 0.6 * rng.standard_normal(len(customer))
    surveys = quoted(numbered("nps", (ts - plan.start) // (90 * DAY)))
    properties = objects(len(ts), survey_id=surveys, score=_score(7.4 + 1.9 * felt, 0, 10))
    return happened("nps_submitted", ts, customer, properties, source=CRM, channel=EMAIL)


def _score(pleased: np.ndarray, lowest: int, highest: int) -> pa.Array:
    score: IntArray = np.clip(np.rint(pleased), lowest, highest).astype(np.int64)
    return whole(score)
