"""Candidates: products a customer may buy next, and what the ranking model sees of each.

They come from the customer's own history, from what is bought or looked at together with it, and
from what is popular; a coarse linear score keeps the best few of them for the trees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.items.histories import Histories
from retain.items.tables import Floats, ItemTables, Places

KEPT = 32
POPULAR = 15
SEEDS = 8
SEEDS_VIEWED = 5
SEED_DAYS = 180.0

CHANNELS = ("times", "age", "position", "own", "viewed", "cart", "bought_with", "viewed_with")
COARSE = (
    "own",
    "often",
    "lately",
    "first",
    "viewed",
    "cart",
    "bought_with",
    "viewed_with",
    "popular",
)
FEATURES = (
    "times",
    "times_per_order",
    "age_days",
    "orders_since_days",
    "position",
    "viewed",
    "cart",
    "bought_with",
    "viewed_with",
    "recent",
    "lasting",
    "trend",
    "repeated",
    "category_share",
    "category_age_days",
    "price",
    "orders",
    "recency_days",
    "basket",
    "variety",
    "novelty",
)
"""Columns of the ranking model's matrix."""

_LATELY_DAYS = 60.0
_SMALL = 1e-4


@dataclass(frozen=True, slots=True)
class Candidates:
    """m pairs of a customer and a product, a customer's pairs beside each other.

    Attributes:
        rows, products: which customer, which product, (m,).
        channels: where each comes from, (m, len(CHANNELS)).
    """

    rows: Places
    products: Places
    channels: Floats

    def channel(self, name: str) -> Floats:
        """One channel, (m,)."""
        return self.channels[:, CHANNELS.index(name)]

    def where(self, mask: NDArray[np.bool_]) -> "Candidates":
        """The pairs of ``mask``."""
        return Candidates(self.rows[mask], self.products[mask], self.channels[mask])


def find(
    histories: Histories, tables: ItemTables, coarse: Floats | None, kept: int = KEPT
) -> Candidates:
    """The ``kept`` best candidates of each customer by ``coarse`` weights; None keeps all."""
    slots, values = _slots(histories, tables)
    order = np.argsort(slots, axis=1, kind="stable")
    slots = np.take_along_axis(slots, order, axis=1)
    values = np.take_along_axis(values, order[:, :, None], axis=1)
    first = np.ones(slots.shape, dtype=bool)
    first[:, 1:] = slots[:, 1:] != slots[:, :-1]
    starts = np.flatnonzero(first)
    channels = np.add.reduceat(values.reshape(-1, len(CHANNELS)), starts, axis=0)
    products, rows = slots.ravel()[starts], starts // slots.shape[1]
    real = products < len(tables.product_ids)
    if coarse is not None:
        scores = np.full(slots.size, -np.inf)
        seen = coarse_matrix(channels[real], tables.recent[products[real]])
        # not a matrix product: BLAS sums in another order for one row than for many
        scores[starts[real]] = (seen * coarse).sum(axis=1)
        real &= _best(scores.reshape(slots.shape), kept).ravel()[starts]
    return Candidates(rows[real], products[real], channels[real])


def coarse_matrix(channels: Floats, recent: Floats) -> Floats:
    """What the coarse score weighs, (m, len(COARSE))."""
    times, age, position, own, viewed, cart, bought_with, viewed_with = channels.T
    return np.column_stack(
        [
            own,
            np.log1p(times),
            own * np.exp(-age / _LATELY_DAYS),
            own / (1.0 + position),
            viewed,
            cart,
            np.log1p(bought_with),
            np.log1p(viewed_with),
            np.sqrt(recent),
        ]
    )


def matrix(candidates: Candidates, histories: Histories, tables: ItemTables) -> Floats:
    """What the trees see, (m, len(FEATURES)); NaN where there is nothing to be seen."""
    rows, products = candidates.rows, candidates.products
    times, age, position, own, viewed, cart, bought_with, viewed_with = candidates.channels.T
    bought = own > 0
    recent, lasting = tables.recent[products], tables.lasting[products]
    orders, recency = histories.orders[rows], histories.recency[rows]
    shares, category_ages = _by_category(histories, tables)
    category = tables.category[products]
    return np.column_stack(
        [
            times,
            times / np.maximum(orders, 1.0),
            np.where(bought, age, np.nan),
            np.where(bought, age - recency, np.nan),
            np.where(bought, position, np.nan),
            viewed,
            cart,
            bought_with,
            viewed_with,
            recent,
            lasting,
            recent / (lasting + _SMALL),
            tables.repeated[products],
            shares[rows, category],
            category_ages[rows, category],
            tables.price[products],
            orders,
            recency,
            histories.basket[rows],
            histories.variety[rows],
            histories.novelty[rows],
        ]
    )


def _slots(histories: Histories, tables: ItemTables) -> tuple[Places, Floats]:
    """Every way a product can become a candidate: places (n, s), and channels (n, s, c)."""
    count, nothing = len(histories), len(tables.product_ids)
    near, near_weights = _neighbours(histories, tables)
    alike, alike_weights = _looked_at_with(histories, tables)
    popular = np.broadcast_to(np.arange(min(POPULAR, nothing)), (count, min(POPULAR, nothing)))
    parts = [histories.products, histories.viewed, histories.cart, near, alike, popular]
    slots = np.concatenate(parts, axis=1)
    values = np.zeros((*slots.shape, len(CHANNELS)))
    own, viewed, cart, bought_with, viewed_with, _ = _pieces([part.shape[1] for part in parts])
    values[:, own, 0] = histories.times
    values[:, own, 1] = histories.ages
    values[:, own, 2] = np.arange(histories.products.shape[1])
    values[:, own, 3] = 1.0
    values[:, viewed, 4] = 1.0 / (1.0 + np.arange(histories.viewed.shape[1]))
    values[:, cart, 5] = 1.0
    values[:, bought_with, 6] = near_weights
    values[:, viewed_with, 7] = alike_weights
    return slots, values


def _pieces(widths: Sequence[int]) -> list[slice]:
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]


def _neighbours(histories: Histories, tables: ItemTables) -> tuple[Places, Floats]:
    """What is bought with the products bought most and most lately."""
    count, width = len(histories), tables.bought_with.shape[1]
    weights = np.log1p(histories.times) * np.exp(-histories.ages / SEED_DAYS)
    weights[histories.products == histories.nothing] = 0.0
    seeds = np.argsort(-weights, axis=1, kind="stable")[:, :SEEDS]
    products = np.take_along_axis(histories.products, seeds, axis=1)
    strength = np.take_along_axis(weights, seeds, axis=1)
    places, weights = tables.bought_near
    near, near_weights = places[products], weights[products] * strength[:, :, None]
    shape = (count, products.shape[1] * width)
    return near.reshape(shape), near_weights.reshape(shape)


def _looked_at_with(histories: Histories, tables: ItemTables) -> tuple[Places, Floats]:
    """What is looked at together with what the customer looked at or put in the cart last."""
    count, width = len(histories), tables.viewed_with.shape[1]
    seeds = np.concatenate(
        [histories.viewed[:, :SEEDS_VIEWED], histories.cart[:, :SEEDS_VIEWED]], axis=1
    )
    places, weights = tables.viewed_near
    shape = (count, seeds.shape[1] * width)
    return places[seeds].reshape(shape), weights[seeds].reshape(shape)


def _best(scores: Floats, kept: int) -> NDArray[np.bool_]:
    if scores.shape[1] <= kept:
        return np.ones(scores.shape, dtype=bool)
    best = np.argpartition(-scores, kept, axis=1)[:, :kept]
    chosen = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(chosen, best, True, axis=1)
    return chosen


def _by_category(histories: Histories, tables: ItemTables) -> tuple[Floats, Floats]:
    """The customer's share of lines and days since the last one, each (n, C + 1)."""
    shape = (len(histories), len(tables.categories) + 1)
    shares, ages = np.zeros(shape), np.full(shape, np.nan)
    rows = np.arange(len(histories))[:, None]
    total = np.maximum(histories.category_times.sum(axis=1, keepdims=True), 1.0)
    shares[rows, histories.categories] = histories.category_times / total
    ages[rows, histories.categories] = histories.category_ages
    shares[:, -1], ages[:, -1] = 0.0, np.nan
    return shares, ages
