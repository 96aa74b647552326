"""Returns: some orders come back, in part or whole, one to three weeks later."""

import numpy as np

from retain.simulator.baskets import Baskets, line_texts, order_ids
from retain.simulator.catalogue import CURRENCY
from retain.simulator.columns import DAY, BoolArray, chance, micros, pick
from retain.simulator.emission import CRM, Happened, happened
from retain.simulator.jsontext import coded, lists, money, objects
from retain.simulator.trials import Orders
from retain.simulator.world import World

REASONS = ("wrong_size", "damaged", "not_as_described", "changed_mind", "late")


def refunds(world: World, orders: Orders, filled: Baskets) -> list[Happened]:
    """``order_refunded`` with the lines that came back; ``total`` is their value paid."""
    rng = world.rng("refunds")
    returned = chance(rng, world.population.return_rate[orders.customer], len(orders.ts))
    back = _lines_back(rng, filled, returned)
    order = filled.order[back]
    value = (world.products.pence[filled.product] * filled.quantity - filled.discount)[back]
    which, counts = np.unique(order, return_counts=True)
    totals = np.bincount(order, weights=value, minlength=len(orders.ts)).astype(np.int64)[which]
    ts = orders.ts[which] + micros(rng.uniform(3, 21, len(which)) * DAY)
    texts = line_texts(world, filled).filter(back)
    properties = objects(
        len(which),
        order_id=order_ids(world, which),
        currency=CURRENCY,
        lines=lists(texts, counts.astype(np.int64)),
        total=money(totals),
        reason=coded(pick(rng, (0.2, 0.2, 0.2, 0.3, 0.1), len(which)), REASONS),
    )
    return [happened("order_refunded", ts, orders.customer[which], properties, source=CRM)]


def _lines_back(rng: np.random.Generator, filled: Baskets, returned: BoolArray) -> BoolArray:
    first = np.concatenate([[True], filled.order[1:] != filled.order[:-1]])[: len(filled.order)]
    return returned[filled.order] & (first | chance(rng, 0.55, len(filled.order)))
