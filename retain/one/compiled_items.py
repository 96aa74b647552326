"""What one customer may buy next by :mod:`retain.native`, where it was compiled.

Everything is :mod:`retain.one.items`', to the last bit: what is out of the ordinary is answered
there.
"""

from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np

from retain.clock import MICROSECONDS_PER_DAY
from retain.items import candidates, categories, histories
from retain.items.relations import DEARER, RELATIONS, Relation
from retain.items.tables import Floats
from retain.native import compiled, made
from retain.one.features import One
from retain.one.items import Items, ItemsOfOne, Offered
from retain.stock import StockState

_LENGTHS = (
    candidates.KEPT,
    candidates.POPULAR,
    candidates.SEEDS,
    candidates.SEEDS_VIEWED,
    histories.PRODUCTS,
    histories.CATEGORIES,
    histories.SEEN,
)
"""What the kernel has arrays as long as: with others it refuses to be made."""
_SCALES = (
    candidates.SEED_DAYS,
    candidates.LATELY_DAYS,
    categories.LATELY_DAYS,
    categories.SMALL,
    *DEARER,
)


class CompiledItems:
    """Suggests to one customer at a time, as :class:`retain.one.items.Items`."""

    def __init__(self, module: Any, plain: Items) -> None:
        self.plain = plain
        self.tells_categories = plain.of_categories is not None
        self.kernel = module.Items(*_parts(plain))
        self.scores = plain.predictor.trees.raw

    def of(self, one: One, moment: int) -> ItemsOfOne:
        """Those of a customer at ``moment`` (epoch microseconds)."""
        return ItemsByKernel(self, one, moment)

    def offered(self, state: StockState) -> Offered:
        """What is for sale in this state of the product feed."""
        return self.plain.offered(state)


class ItemsByKernel:
    """:class:`retain.one.items.ItemsOfOne`."""

    def __init__(self, items: CompiledItems, one: One, moment: int) -> None:
        self._items = items
        self._one = one
        self._moment = moment
        self._found: tuple[bytes, Floats] | None = None
        self._all: Any = None
        self._own_way: ItemsOfOne | None = None

    def categories(self, limit: int) -> list[tuple[str, float]]:
        """As said there."""
        if not self._items.tells_categories:
            return []
        told: list[tuple[str, float]] | None = self._items.kernel.categories(
            self._one.stored.raw("bought_categories"),
            self._moment / MICROSECONDS_PER_DAY,
            _orders(self._one),
            limit,
        )
        return self._plain().categories(limit) if told is None else told

    def products(self, offered: Offered, limit: int) -> list[tuple[str, float, Relation]]:
        """As said there."""
        ranked = self._ranked(offered, limit)
        return self._plain().products(offered, limit) if ranked is None else ranked

    def ids(self, offered: Offered, wanted: Collection[Relation], limit: int) -> list[str]:
        """As said there."""
        if len(wanted) == len(RELATIONS):
            ranked = self._ranked(offered, limit)
        elif self._all is not None:
            # a decision asks for several kinds, one after the other
            ranked = self._all
        else:
            ranked = self._all = self._ranked(offered, candidates.KEPT)
        if ranked is None:
            return self._plain().ids(offered, wanted, limit)
        chosen = (product for product, _, relation in ranked if relation in wanted)
        return list(islice(chosen, limit))

    def _ranked(self, offered: Offered, limit: int) -> Any:
        """The best candidates as :meth:`products` tells them; None is the Python's to answer."""
        if self._found is None:
            one = self._one
            stored = one.stored.raw
            found = self._items.kernel.find(
                stored("bought_products"),
                stored("bought_categories"),
                stored("last_viewed"),
                stored("open_cart"),
                self._moment / MICROSECONDS_PER_DAY,
                _orders(one),
                one["order_recency_days"],
                one["items_per_order"],
                one["product_count_365d"],
                one["new_product_share"],
                offered.gone,
                offered.priced,
            )
            if found is None:
                return None
            matrix, candidates = found
            self._found = candidates, self._items.scores(matrix)
        return self._items.kernel.ranked(*self._found, limit)

    def _plain(self) -> ItemsOfOne:
        if self._own_way is None:
            self._own_way = self._items.plain.of(self._one, self._moment)
        return self._own_way


def compiled_items(plain: Items) -> Items | CompiledItems:
    """What answers as ``plain`` does the fastest here."""
    module = compiled("items")
    own = None if module is None else made(CompiledItems, module, plain)
    return plain if own is None else own


def _orders(one: One) -> float:
    orders: float = one["orders_lifetime"]
    return orders if orders == orders else 0.0  # noqa: PLR0124 - NaN alone is not itself


def _parts(plain: Items) -> tuple[Any, ...]:
    """What the kernel is made of, in its order."""
    tables, finder, predictor = plain.tables, plain.finder, plain.predictor
    calibration, logistic = predictor.calibration, predictor.of_categories
    nothing = np.zeros(len(tables.categories))
    of_categories, recent, lasting = np.zeros(len(categories.FEATURES) + 1), nothing, nothing
    if logistic is not None and plain.of_categories is not None:
        of_categories = np.append(logistic.weights, logistic.intercept)
        recent, lasting = plain.of_categories.recent, plain.of_categories.lasting
    doubles = (
        finder.fixed,
        finder.popular,
        tables.bought_weight,
        tables.viewed_weight,
        predictor.coarse[:-1],
        np.append(calibration.weights, calibration.intercept),
        of_categories,
        recent,
        lasting,
        _LENGTHS,
        _SCALES,
    )
    places = (tables.category, tables.bought_with, tables.viewed_with)
    return (
        tables.place,
        tables.category_place,
        tables.product_ids,
        tables.categories,
        RELATIONS,
        doubles,
        places,
    )
