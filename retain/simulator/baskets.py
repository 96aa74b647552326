"""What is in each order: lines, coupons, the money; in whole pennies, so that sums agree."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retain.simulator.campaigns import calendar
from retain.simulator.catalogue import CATEGORIES, CURRENCY
from retain.simulator.columns import BoolArray, IntArray, chance, owners, pick
from retain.simulator.jsontext import coded, lists, money, numbered, objects, quoted, taken, whole
from retain.simulator.response import ACTIONS
from retain.simulator.season import on_sale
from retain.simulator.tastes import (
    COUPON_SHARE,
    COUPON_WEIGHTS,
    COUPONS,
    QUANTITIES,
    QUANTITY_WEIGHTS,
)
from retain.simulator.trials import Orders
from retain.simulator.world import World

METHODS = ("card", "paypal", "klarna")
_NO_COUPON = -1
_WINBACK = COUPONS.index("WINBACK15")
_TAKES_THE_SALE = 0.7


@dataclass(frozen=True, slots=True)
class Baskets:
    """Contents of the orders of one block.

    Per order: ``total`` (pence), ``coupon`` (code or -1), ``saved`` by it (pence),
    ``method``, ``in_store``, ``lines`` (count). Per line, order after order: ``order``,
    ``product``, ``quantity``, ``discount`` (pence).
    """

    total: IntArray
    coupon: IntArray
    saved: IntArray
    method: IntArray
    in_store: BoolArray
    lines: IntArray
    order: IntArray
    product: IntArray
    quantity: IntArray
    discount: IntArray


def baskets(world: World, orders: Orders) -> Baskets:
    """Fill the orders of one block."""
    rng = world.rng("baskets")
    n = len(orders.ts)
    population = world.population
    wanted = 1 + rng.poisson(population.lines[orders.customer] - 1)
    drawn_for = owners(wanted.astype(np.int64))
    drawn = world.tastes.pick(rng, world.products, orders.customer[drawn_for])
    bought = QUANTITIES[pick(rng, QUANTITY_WEIGHTS, len(drawn))]
    # the same product drawn twice is one line of a larger quantity
    width = len(world.products.pence)
    key, inverse = np.unique(drawn_for * width + drawn, return_inverse=True)
    quantity = np.bincount(inverse, weights=bought, minlength=len(key)).astype(np.int64)
    order, product = key // width, key % width
    coupon, share = _discounts(rng, world, orders)
    gross = world.products.pence[product] * quantity
    discount = np.rint(gross * share[order]).astype(np.int64)
    saved = np.bincount(order, weights=discount, minlength=n).astype(np.int64)
    return Baskets(
        total=np.bincount(order, weights=gross - discount, minlength=n).astype(np.int64),
        coupon=coupon,
        saved=np.where(coupon == _NO_COUPON, 0, saved),
        method=pick(rng, (0.68, 0.22, 0.10), n),
        in_store=(orders.campaign < 0) & chance(rng, population.store_share[orders.customer], n),
        lines=np.bincount(order, minlength=n).astype(np.int64),
        order=order,
        product=product,
        quantity=quantity,
        discount=discount,
    )


def _discounts(
    rng: np.random.Generator, world: World, orders: Orders
) -> tuple[IntArray, np.ndarray]:
    """Each order's coupon, and the share of the price that coupon or sale takes off."""
    n = len(orders.ts)
    uses = chance(rng, world.population.coupon_rate[orders.customer], n)
    coupon = np.where(uses, pick(rng, COUPON_WEIGHTS, n), _NO_COUPON)
    offers = np.array([ACTIONS[c.action_id].coupon for c in calendar(world.plan)] + [False])
    coupon = np.where(offers[orders.campaign], _WINBACK, coupon)
    sale = on_sale(orders.ts) * chance(rng, _TAKES_THE_SALE, n)
    return coupon, np.where(coupon >= 0, COUPON_SHARE[coupon], sale)


def order_ids(world: World, numbers: IntArray) -> pa.Array:
    """JSON order ids, unique in the shop."""
    return quoted(numbered(f"O-{world.plan.run_id}-{world.block.number}", numbers))


def line_texts(world: World, filled: Baskets) -> pa.Array:
    """Each line as JSON."""
    products = world.products
    return objects(
        len(filled.order),
        product_id=taken(quoted(pa.array(products.product_ids)), filled.product),
        category=coded(products.category[filled.product], CATEGORIES),
        quantity=whole(filled.quantity),
        price=money(products.pence[filled.product]),
        discount=money(filled.discount),
    )


def order_texts(world: World, filled: Baskets) -> pa.Array:
    """The properties of each ``order_completed``."""
    n = len(filled.total)
    return objects(
        n,
        order_id=order_ids(world, np.arange(n)),
        currency=CURRENCY,
        lines=lists(line_texts(world, filled), filled.lines),
        total=money(filled.total),
        coupon=coded(filled.coupon, COUPONS),
        method=coded(filled.method, METHODS),
    )
