"""What one customer may buy next, and what the ranking model sees of each product.

The counterpart for n customers is :mod:`retain.items.candidates`; what is said there of where
candidates come from holds here. A channel is a dictionary by product, and what is not in it is 0.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
from retain.items.tables import Floats, ItemTables
from retain.one.histories import History

_NAN = float("nan")
_NO_CATEGORY = (0.0, _NAN)
_NOT_BOUGHT = (0.0, 0.0, _NAN, _NAN, _NAN)
_FADING = np.array([[SEED_DAYS], [LATELY_DAYS]])
_SEEN = slice(FEATURES.index("viewed"), FEATURES.index("viewed_with") + 1)
_OWN = slice(FEATURES.index("times"), FEATURES.index("position") + 1)
_CATEGORY = slice(FEATURES.index("category_share"), FEATURES.index("category_age_days") + 1)
_WHOLE = slice(FEATURES.index("orders"), FEATURES.index("novelty") + 1)

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
    """Finds candidates by these tables and coarse weights."""

    def __init__(self, tables: ItemTables, coarse: Sequence[float]) -> None:
        self._tables = tables
        self._coarse = tuple(coarse)
        self._nothing = len(tables.product_ids)
        popular = np.sqrt(tables.recent) * self._coarse[-1]
        self._popular: list[float] = popular.tolist()
        self._category: list[int] = tables.category.tolist()
        self._fixed = np.zeros((self._nothing, len(FEATURES)))
        self._fixed[:, _OWN] = _NOT_BOUGHT
        for name, column in (
            ("recent", tables.recent),
            ("lasting", tables.lasting),
            ("trend", trend(tables.recent, tables.lasting)),
            ("repeated", tables.repeated),
            ("price", tables.price),
        ):
            self._fixed[:, FEATURES.index(name)] = column

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
        products = found.products
        matrix = self._fixed.take(np.array(products, dtype=np.intp), axis=0)
        per_order, recency = max(history.orders, 1.0), history.recency
        rows, bought = [], []
        for row, product in enumerate(products):
            own = found.own.get(product)
            if own is not None:
                times, age, at = own
                rows.append(row)
                bought.append((times, times / per_order, age, age - recency, at))
        if rows:
            matrix[rows, _OWN] = bought
        channels = (found.viewed, found.cart, found.bought_with, found.viewed_with)
        for place, channel in enumerate(channels, start=_SEEN.start):
            if channel:
                matrix[:, place] = [channel.get(product, 0.0) for product in products]
        total = max(history.category_times, 1.0)
        shares = {name: (times / total, age) for _, name, times, age in history.categories}
        category = self._category
        matrix[:, _CATEGORY] = [shares.get(category[product], _NO_CATEGORY) for product in products]
        matrix[:, _WHOLE] = (
            history.orders, recency, history.basket, history.variety, history.novelty,
        )  # fmt: skip
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
        places = [bought[seed][1] for seed in seeds]
        near, weights = self._tables.bought_near
        nothing = self._nothing
        for seed, products, closeness in zip(
            seeds,
            near.take(places, axis=0).tolist(),
            weights.take(places, axis=0).tolist(),
            strict=True,
        ):
            strength = strengths[seed]
            for product, weight in zip(products, closeness, strict=True):
                if product != nothing:
                    found[product] = found.get(product, 0.0) + weight * strength
        return found

    def _viewed_with(self, history: History) -> Weights:
        """What is looked at together with what the customer looked at or put in the cart last."""
        found: Weights = {}
        places = [
            product
            for seen in (history.viewed, history.cart)
            for at, product in seen.items()
            if at < SEEDS_VIEWED
        ]
        if not places:
            return found
        near, weights = self._tables.viewed_near
        nothing = self._nothing
        for products, closeness in zip(
            near.take(places, axis=0).tolist(), weights.take(places, axis=0).tolist(), strict=True
        ):
            for product, weight in zip(products, closeness, strict=True):
                if product != nothing:
                    found[product] = found.get(product, 0.0) + weight
        return found

    def _best(self, scores: Weights) -> list[int]:
        """The candidates of the highest scores, of equal ones the first, in their order."""
        popular = self._popular
        if len(scores) <= KEPT:
            return sorted(scores)
        final = {product: score + popular[product] for product, score in scores.items()}
        least = sorted(final.values(), reverse=True)[KEPT - 1]
        chosen = [product for product, score in final.items() if score > least]
        tied = sorted(product for product, score in final.items() if score == least)
        return sorted([*chosen, *tied[: KEPT - len(chosen)]])


def _add(scores: Weights, products: Iterable[int], values: Iterable[float], weight: float) -> None:
    get = scores.get
    for product, value in zip(products, values, strict=False):
        scores[product] = get(product, 0.0) + value * weight
