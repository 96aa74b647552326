"""One customer's own history of products and categories, in plain numbers.

The counterpart for n customers is :class:`retain.items.histories.Histories`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from retain.items.histories import CATEGORIES, PRODUCTS, SEEN, day
from retain.items.tables import ItemTables
from retain.rule_rows import Known

_DAY_US = 86_400_000_000

Counted = list[tuple[int, int, float, float]]
"""Of what is known: place in the list, place in the tables, times, days since."""


class History(NamedTuple):
    """A customer at a moment; what nobody knows is left out, its place in a list is not.

    Attributes:
        products: what was bought most often.
        times: of all that was bought, known or not; so for categories.
        viewed, cart: products looked at and put in the cart last, by their place in the list.
        recency, orders, basket, variety, novelty: of the customer as a whole.
    """

    products: Counted
    times: float
    categories: Counted
    category_times: float
    viewed: dict[int, int]
    cart: dict[int, int]
    recency: float
    orders: float
    basket: float
    variety: float
    novelty: float


def read(one: Known, moment: int, tables: ItemTables) -> History:
    """The history of a customer with these features at ``moment`` (epoch microseconds)."""
    today = moment / _DAY_US
    products, times = _counted(one["bought_products"], tables.place, PRODUCTS, today)
    categories, of_all = _counted(
        one["bought_categories"], tables.category_place, CATEGORIES, today
    )
    orders = one["orders_lifetime"]
    return History(
        products,
        times,
        categories,
        of_all,
        _listed(one["last_viewed"], tables.place),
        _listed(one["open_cart"], tables.place),
        one["order_recency_days"],
        orders if orders == orders else 0.0,  # noqa: PLR0124 - NaN alone is not itself
        one["items_per_order"],
        one["product_count_365d"],
        one["new_product_share"],
    )


def _counted(
    entries: Sequence[str], place: Mapping[str, int], most: int, today: float
) -> tuple[Counted, float]:
    found: Counted = []
    total = 0.0
    for at, entry in enumerate(entries[:most]):
        count, since, name = entry.split(" ", 2)
        times = float(count)
        total += times
        known = place.get(name)
        if known is not None:
            found.append((at, known, times, max(today - day(since), 0.0)))
    return found, total


def _listed(ids: Sequence[str], place: Mapping[str, int]) -> dict[int, int]:
    found = {}
    for at, name in enumerate(ids[:SEEN]):
        known = place.get(name)
        if known is not None:
            found[at] = known
    return found
