"""Which products a visit is about: looked at, put in the cart, taken out again."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.baskets import Baskets
from retain.simulator.columns import BoolArray, FloatArray, IntArray, chance, owners
from retain.simulator.emission import NONE
from retain.simulator.sessions import Sessions
from retain.simulator.world import World

_LOOKS_AGAIN = 0.70  # at what they buy in the end
_VIEWS = 1.7
_VIEWS_BESIDE = 0.6  # in a visit that is about an order
_CARTED = 0.55
_REMOVED = 0.20
_PREPARED_CART = 0.35
_VISITOR_CART = 0.05


@dataclass(frozen=True, slots=True)
class Items:
    """Products in visits, (rows,) each; ``at`` is the share of the visit that has passed."""

    session: IntArray
    product: IntArray
    quantity: IntArray
    at: FloatArray

    def where(self, keep: BoolArray, *, later: float = 0.0) -> "Items":
        """The rows kept, ``later`` in their visits."""
        return Items(
            self.session[keep], self.product[keep], self.quantity[keep], self.at[keep] + later
        )


@dataclass(frozen=True, slots=True)
class Interest:
    """``abandoned`` is what stays in the carts of visits that end without an order."""

    viewed: Items
    added: Items
    removed: Items
    abandoned: Items


def interest(world: World, filled: Baskets, visits: Sessions) -> Interest:
    """Draw what the visits of one block are about."""
    rng = world.rng("interest")
    bought = _lines_of(rng, filled, visits.order)
    prepared = _lines_of(rng, filled, visits.prepares)
    looked = [items.where(chance(rng, _LOOKS_AGAIN, len(items.at))) for items in (bought, prepared)]
    viewed = _together(*looked, _looked_around(rng, world, visits))
    fills_cart = chance(rng, _cart_chance(world, visits), len(visits))
    tried = fills_cart[viewed.session] & chance(rng, _CARTED, len(viewed.at))
    left = viewed.where(tried, later=0.03)
    taken_out = chance(rng, _REMOVED, len(left.at))
    return Interest(
        viewed=viewed,
        added=_together(bought.where(bought.quantity > 0, later=0.03), left),
        removed=left.where(taken_out, later=0.05),
        abandoned=left.where(~taken_out),
    )


def _lines_of(rng: np.random.Generator, filled: Baskets, order_of_visit: IntArray) -> Items:
    """The lines of the orders that visits are about, each in its visit."""
    visit = np.full(len(filled.total), NONE, dtype=np.int64)
    about = np.flatnonzero(order_of_visit != NONE)
    visit[order_of_visit[about]] = about
    rows = np.flatnonzero(visit[filled.order] != NONE)
    at = rng.uniform(0.05, 0.65, len(rows))
    return Items(visit[filled.order[rows]], filled.product[rows], filled.quantity[rows], at)


def _looked_around(rng: np.random.Generator, world: World, visits: Sessions) -> Items:
    about_an_order = (visits.order != NONE) | (visits.prepares != NONE)
    mean = np.where(about_an_order, _VIEWS_BESIDE, _VIEWS)
    session = owners(rng.poisson(mean).astype(np.int64))
    customer = visits.customer[session]
    known = np.maximum(customer, 0)
    anything = rng.integers(0, len(world.products.pence), len(session))
    product = np.where(customer < 0, anything, world.tastes.pick(rng, world.products, known))
    at = rng.uniform(0.04, 0.70, len(session))
    return Items(session, product, np.ones(len(session), dtype=np.int64), at)


def _cart_chance(world: World, visits: Sessions) -> FloatArray:
    own = world.population.cart_rate[np.maximum(visits.customer, 0)]
    return np.select(
        [visits.order != NONE, visits.prepares != NONE, visits.customer < 0],
        [0.0, _PREPARED_CART, _VISITOR_CART],
        own,
    )


def _together(*parts: Items) -> Items:
    return Items(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("session", "product", "quantity", "at")
        )
    )
