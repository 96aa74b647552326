"""Checkout, payment and completed orders, online and in stores."""

import numpy as np

from retain.simulator.baskets import METHODS, Baskets, order_ids, order_texts
from retain.simulator.browsing import in_visit
from retain.simulator.catalogue import CURRENCY
from retain.simulator.columns import SECOND, IntArray, chance, micros
from retain.simulator.emission import NONE, STORE, TILL, Happened, happened
from retain.simulator.interest import Items
from retain.simulator.jsontext import coded, money, objects, taken
from retain.simulator.sessions import Sessions
from retain.simulator.tastes import COUPONS
from retain.simulator.trials import Orders
from retain.simulator.world import World

REASONS = ("card_declined", "3ds_failed", "expired_card", "timeout")
STORES = ("store-london", "store-leeds", "store-dublin")
_FAILS_FIRST = 0.03
_STARTS_CHECKOUT = 0.30
_FAILS_AND_LEAVES = 0.15


def checkout(
    world: World, orders: Orders, filled: Baskets, visits: Sessions, abandoned: Items
) -> list[Happened]:
    """What follows the cart, in visits that end in an order and in those that do not."""
    rng = world.rng("checkout")
    return [
        *_finished(rng, world, filled, visits),
        *_left(rng, world, visits, abandoned),
        *_in_stores(rng, world, orders, filled),
    ]


def _finished(
    rng: np.random.Generator, world: World, filled: Baskets, visits: Sessions
) -> list[Happened]:
    session = np.flatnonzero(visits.order != NONE)
    order = visits.order[session]
    with_coupon = filled.coupon[order] >= 0
    fails = chance(rng, _FAILS_FIRST, len(order))
    applied, failed = order[with_coupon], order[fails]
    starts = objects(
        len(order),
        order_id=order_ids(world, order),
        total=money(filled.total[order]),
        currency=CURRENCY,
        coupon=coded(filled.coupon[order], COUPONS),
    )
    coupon = objects(
        len(applied),
        order_id=order_ids(world, applied),
        coupon=coded(filled.coupon[applied], COUPONS),
        discount=money(filled.saved[applied]),
        currency=CURRENCY,
    )
    failure = objects(
        len(failed),
        order_id=order_ids(world, failed),
        method=coded(filled.method[failed], METHODS),
        total=money(filled.total[failed]),
        currency=CURRENCY,
        reason=coded(rng.integers(0, len(REASONS), len(failed)), REASONS),
    )

    def at(share: float, rows: IntArray) -> np.ndarray:
        return np.full(len(rows), share)

    used, bounced = session[with_coupon], session[fails]
    return [
        in_visit("checkout_started", visits, session, at(0.80, session), starts),
        in_visit("coupon_applied", visits, used, at(0.86, used), coupon),
        in_visit("payment_failed", visits, bounced, at(0.93, bounced), failure),
        in_visit(
            "order_completed",
            visits,
            session,
            at(1.0, session),
            taken(order_texts(world, filled), order),
        ),
    ]


def _left(
    rng: np.random.Generator, world: World, visits: Sessions, abandoned: Items
) -> list[Happened]:
    value = world.products.pence[abandoned.product] * abandoned.quantity
    total = np.bincount(abandoned.session, weights=value, minlength=len(visits)).astype(np.int64)
    started = np.flatnonzero((total > 0) & chance(rng, _STARTS_CHECKOUT, len(visits)))
    failed = started[chance(rng, _FAILS_AND_LEAVES, len(started))]
    starts = objects(len(started), total=money(total[started]), currency=CURRENCY)
    failure = objects(
        len(failed),
        method=coded(rng.integers(0, len(METHODS), len(failed)), METHODS),
        total=money(total[failed]),
        currency=CURRENCY,
        reason=coded(rng.integers(0, len(REASONS), len(failed)), REASONS),
    )
    return [
        in_visit("checkout_started", visits, started, np.full(len(started), 0.85), starts),
        in_visit("payment_failed", visits, failed, np.full(len(failed), 0.95), failure),
    ]


def _in_stores(
    rng: np.random.Generator, world: World, orders: Orders, filled: Baskets
) -> list[Happened]:
    which = np.flatnonzero(filled.in_store)
    customer, ts = orders.customer[which], orders.ts[which]
    came = np.maximum(
        ts - micros(rng.uniform(300, 1_500, len(which)) * SECOND),
        world.population.begins_at[customer],
    )
    store = objects(len(which), store_id=coded(customer % len(STORES), STORES))
    texts = taken(order_texts(world, filled), which)
    return [
        happened("store_visited", came, customer, store, source=TILL, channel=STORE),
        happened("order_completed", ts, customer, texts, source=TILL, channel=STORE),
    ]
