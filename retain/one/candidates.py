"""What one customer may buy next, and what the ranking model sees of each product.

The counterpart for n customers is :mod:`retain.items.candidates`; what is said there of where
candidates come from holds here. A channel is a dictionary by product, and what is not in it is 0.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from retain.items.candidates import (
    FEATURES,
    KEPT,
    LATELY_DAYS,
    POPULAR,
    SEED_DAYS,
    SEEDS,
    SEEDS_VIEWED,
    trend,
)
from retain.items.tables import Floats, ItemTables, Places
from retain.one.histories import History

_FADING = np.array([[SEED_DAYS], [LATELY_DAYS]])
_TIMES, _TIMES_PER_ORDER, _AGE, _SINCE, _POSITION = map(
    FEATURES.index, ("times", "times_per_order", "age_days", "orders_since_days", "position")
)
_VIEWED, _CART, _BOUGHT_WITH, _VIEWED_WITH = map(
    FEATURES.index, ("viewed", "cart", "bought_with", "viewed_with")
)
_SHARE, _CATEGORY_AGE = map(FEATURES.index, ("category_share", "category_age_days"))
_WHOLE = slice(FEATURES.index("orders"), FEATURES.index("novelty") + 1)
_UNKNOWN = ("age_days", "orders_since_days", "position", "category_age_days")
"""What is missing, and not 0, where a product or its category was not bought."""
_REMEMBERED = 8_192

Weights = dict[int, float]


class Candidates(NamedTuple):
    """The best candidates of a customer.

    Attributes:
        products: places in the tables, in their order.
        own: what was bought: times, days since, place among what was bought.
        viewed, cart, bought_with, viewed_with: the channels, of all that could be candidates.
    """

    products: list[int]
    own: dict[int, tuple[float, float, int]]
    viewed: Weights
    cart: Weights
    bought_with: Weights
    viewed_with: Weights


class Finder:
    """Finds candidates by these tables and coarse weights.

    Attributes:
        fixed: what the ranking model sees of a product, whoever asks, (P, len(FEATURES)).
        popular: what the coarse score says of it, (P,).
    """

    def __init__(self, tables: ItemTables, coarse: Sequence[float]) -> None:
        self._coarse = tuple(coarse)
        self._nothing = len(tables.product_ids)
        self._bought_near = _near(*tables.bought_near, self._nothing)
        self._viewed_near = _near(*tables.viewed_near, self._nothing)
        self.popular = np.sqrt(tables.recent) * self._coarse[-1]
        self._popular: list[float] = self.popular.tolist()
        self._category: list[int] = tables.category.tolist()
        self.fixed = np.zeros((self._nothing, len(FEATURES)))
        self.fixed[:, [FEATURES.index(name) for name in _UNKNOWN]] = np.nan
        for name, column in (
            ("recent", tables.recent),
            ("lasting", tables.lasting),
            ("trend", trend(tables.recent, tables.lasting)),
            ("repeated", tables.repeated),
            ("price", tables.price),
        ):
            self.fixed[:, FEATURES.index(name)] = column

    def find(self, history: History) -> Candidates:
        """As :func:`retain.items.candidates.find`."""
        scores, strengths = self._bought(history)
        own = {product: (times, age, at) for at, product, times, age in history.products}
        viewed: Weights = {}
        for at, product in history.viewed.items():
            viewed[product] = viewed.get(product, 0.0) + 1.0 / (1.0 + at)
        cart: Weights = {}
        for product in history.cart.values():
            cart[product] = cart.get(product, 0.0) + 1.0
        near, alike = self._bought_with(history, strengths), self._viewed_with(history)
        # in the order of the coarse columns: sums are of the same parts in the same order
        *_, of_viewed, of_cart, of_near, of_alike, _ = self._coarse
        logs = np.log1p([*near.values(), *alike.values()]).tolist() if near or alike else []
        _add(scores, viewed, viewed.values(), of_viewed)
        _add(scores, cart, cart.values(), of_cart)
        _add(scores, near, logs, of_near)
        _add(scores, alike, logs[len(near) :], of_alike)
        for product in range(min(POPULAR, self._nothing)):
            scores.setdefault(product, 0.0)
        return Candidates(self._best(scores), own, viewed, cart, near, alike)

    def matrix(self, found: Candidates, history: History) -> Floats:
        """As :func:`retain.items.candidates.matrix`, (m, len(FEATURES))."""
        matrix = self.fixed.take(np.array(found.products, dtype=np.intp), axis=0)
        matrix[:, _WHOLE] = (
            history.orders, history.recency, history.basket, history.variety, history.novelty,
        )  # fmt: skip
        # most of the rest is nothing: what is something is put cell by cell
        cells: Any = matrix.reshape(-1).data
        rows = {product: row * len(FEATURES) for row, product in enumerate(found.products)}
        per_order, recency = max(history.orders, 1.0), history.recency
        for product, (times, age, at) in found.own.items():
            row = rows.get(product)
            if row is not None:
                cells[row + _TIMES] = times
                cells[row + _TIMES_PER_ORDER] = times / per_order
                cells[row + _AGE] = age
                cells[row + _SINCE] = age - recency
                cells[row + _POSITION] = at
        for place, channel in (
            (_VIEWED, found.viewed),
            (_CART, found.cart),
            (_BOUGHT_WITH, found.bought_with),
            (_VIEWED_WITH, found.viewed_with),
        ):
            for product, weight in channel.items():
                row = rows.get(product)
                if row is not None:
                    cells[row + place] = weight
        total = max(history.category_times, 1.0)
        shares = {name: (times / total, age) for _, name, times, age in history.categories}
        category = self._category
        for product, row in rows.items():
            of_category = shares.get(category[product])
            if of_category is not None:
                cells[row + _SHARE], cells[row + _CATEGORY_AGE] = of_category
        return matrix

    def _bought(self, history: History) -> tuple[Weights, list[float]]:
        """What the coarse score says so far of what was bought, and how it leads to others."""
        bought = history.products
        if not bought:
            return {}, []
        logs = np.log1p([times for _, _, times, _ in bought])
        fading, fresh = np.exp(-np.array([age for _, _, _, age in bought]) / _FADING)
        own, often, lately, first = self._coarse[:4]
        scores = {
            product: own + log * often + exp * lately + 1.0 / (1.0 + at) * first
            for (at, product, _, _), log, exp in zip(
                bought, logs.tolist(), fresh.tolist(), strict=True
            )
        }
        return scores, (logs * fading).tolist()

    def _bought_with(self, history: History, strengths: list[float]) -> Weights:
        """What is bought with the products bought most and most lately."""
        bought = history.products
        found: Weights = {}
        if not bought:
            return found
        seeds = sorted(range(len(bought)), key=[-one for one in strengths].__getitem__)[:SEEDS]
        for seed in seeds:
            strength = strengths[seed]
            for product, weight in self._bought_near(bought[seed][1]):
                found[product] = found.get(product, 0.0) + weight * strength
        return found

    def _viewed_with(self, history: History) -> Weights:
        """What is looked at together with what the customer looked at or put in the cart last."""
        found: Weights = {}
        for seen in (history.viewed, history.cart):
            for at, seed in seen.items():
                if at < SEEDS_VIEWED:
                    for product, weight in self._viewed_near(seed):
                        found[product] = found.get(product, 0.0) + weight
        return found

    def _best(self, scores: Weights) -> list[int]:
        """The candidates of the highest scores, of equal ones the first, in their order."""
        popular = self._popular
        if len(scores) <= KEPT:
            return sorted(scores)
        final = {product: score + popular[product] for product, score in scores.items()}
        least = sorted(final.values(), reverse=True)[KEPT - 1]
        chosen = [product for product, score in final.items() if score >= least]
        if len(chosen) > KEPT:
            tied = sorted(product for product in chosen if final[product] == least)
            chosen = sorted(set(chosen).difference(tied[KEPT - len(chosen) :]))
        return sorted(chosen)


def _near(
    places: Places, weights: Floats, nothing: int
) -> Callable[[int], tuple[tuple[int, float], ...]]:
    """A product to those near it and how near they are; what was asked for lately is kept."""

    @lru_cache(maxsize=_REMEMBERED)
    def near(product: int) -> tuple[tuple[int, float], ...]:
        found = zip(places[product].tolist(), weights[product].tolist(), strict=True)
        return tuple((one, weight) for one, weight in found if one != nothing)

    return near


def _add(scores: Weights, products: Iterable[int], values: Iterable[float], weight: float) -> None:
    get = scores.get
    for product, value in zip(products, values, strict=False):
        scores[product] = get(product, 0.0) + value * weight
