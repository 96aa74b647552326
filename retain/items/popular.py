"""What everybody buys, for visitors of whom nothing is known."""

from collections.abc import Sequence
from itertools import islice

from retain.items.tables import ItemTables
from retain.stock import StockState


class Popular:
    """Suggestions to a stranger: the products of late, the most popular first.

    What rests on a customer's own past (what to replenish, what goes with it) has no answer.
    """

    def __init__(self, tables: ItemTables | None, stock: StockState) -> None:
        self._tables = tables
        self._stock = stock

    def prepare(self, rows: Sequence[int]) -> None:
        """Nothing is to be computed."""

    def items(self, source: str, row: int, limit: int) -> list[str]:  # noqa: ARG002
        """At most ``limit`` product ids in stock, whoever is in ``row``."""
        if self._tables is None or source != "next_products":
            return []
        in_stock = (one for one in self._tables.product_ids if one not in self._stock.out_of_stock)
        return list(islice(in_stock, limit))

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:
        """Those of ``product_ids`` that nobody says are sold out."""
        return [one for one in product_ids if one not in self._stock.out_of_stock]
