"""Candidates: products a customer may buy next, and what the ranking model sees of each.

They come from the customer's own history, from what is bought or looked at together with it, and
from what is popular; a coarse linear score keeps the best few of them for the trees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.items.histories import Histories
from retain.items.logistic import weighted
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

LATELY_DAYS = 60.0
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
    count, width = slots.shape
    order = slots.argsort(axis=1, kind="stable")
    order += np.arange(0, count * width, width)[:, None]
    # over one flat axis: looking along two costs several times as much for one customer
    placed = slots.ravel()[order.ravel()]
    first = np.empty(count * width, dtype=bool)
    first[1:] = placed[1:] != placed[:-1]
    first[::width] = True
    starts = first.nonzero()[0]
    channels = _added_up(values.reshape(-1, len(CHANNELS))[order.ravel()], first.cumsum() - 1)
    products, rows = placed[starts], starts // width
    real = products < len(tables.product_ids)
    if coarse is not None:
        scores = np.full(count * width, -np.inf)
        seen = coarse_matrix(channels[real], tables.recent[products[real]])
        scores[starts[real]] = weighted(seen, coarse)
        real &= _best(scores.reshape(count, width), kept)[starts]
    return Candidates(rows[real], products[real], channels[real])


def coarse_matrix(channels: Floats, recent: Floats) -> Floats:
    """What the coarse score weighs, (m, len(COARSE))."""
    times, age, position, own, viewed, cart, bought_with, viewed_with = channels.T
    return columns_of(
        own,
        np.log1p(times),
        own * np.exp(-age / LATELY_DAYS),
        own / (1.0 + position),
        viewed,
        cart,
        np.log1p(bought_with),
        np.log1p(viewed_with),
        np.sqrt(recent),
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
    return columns_of(
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
        trend(recent, lasting),
        tables.repeated[products],
        shares[rows, category],
        category_ages[rows, category],
        tables.price[products],
        orders,
        recency,
        histories.basket[rows],
        histories.variety[rows],
        histories.novelty[rows],
    )


def trend(recent: Floats, lasting: Floats) -> Floats:
    """How much more, or less, a product is bought of late than over the year."""
    return recent / (lasting + _SMALL)


def columns_of(*columns: Floats) -> Floats:
    """A matrix of columns of equal length; NumPy's own way takes three times as long for few."""
    made = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        made[:, place] = column
    return made


def _slots(histories: Histories, tables: ItemTables) -> tuple[Places, Floats]:
    """Every way a product can become a candidate: places (n, s), and channels (n, s, c)."""
    count, nothing = len(histories), len(tables.product_ids)
    near, near_weights = _neighbours(histories, tables)
    alike, alike_weights = _looked_at_with(histories, tables)
    popular = np.empty((count, min(POPULAR, nothing)), dtype=np.int64)
    popular[:] = np.arange(popular.shape[1])
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
    seeds = (-weights).argsort(axis=1, kind="stable")[:, :SEEDS]
    rows = np.arange(count)[:, None]
    products, strength = histories.products[rows, seeds], weights[rows, seeds]
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


def _added_up(values: Floats, of: Places) -> Floats:
    """Sums of the rows of ``values`` by the group each is of, in their order."""
    width = values.shape[1]
    at = (of[:, None] * width + np.arange(width)).ravel()
    sums = np.bincount(at, values.ravel()).reshape(-1, width)
    return np.asarray(sums, dtype=np.float64)


def _best(scores: Floats, kept: int) -> NDArray[np.bool_]:
    """Whether each score is among the ``kept`` best of its row, flat; of equal ones the first."""
    width = scores.shape[1]
    if kept >= width:
        return np.ones(scores.size, dtype=bool)
    least = np.partition(scores, width - kept, axis=1)[:, width - kept, None]
    chosen = scores >= least
    for row in np.flatnonzero((chosen.sum(axis=1) > kept) & np.isfinite(least[:, 0])):
        tied = np.flatnonzero(scores[row] == least[row])
        chosen[row, tied[kept - int(chosen[row].sum()) :]] = False
    return chosen.ravel()


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
