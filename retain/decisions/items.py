"""The products that actions speak of, for one customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from retain.decisions.catalogues import Catalogue
from retain.items.suggestions import SOURCES
from retain.rule_rows import Known

ITEMS = 5


class Suggested(Protocol):
    """What customers may buy next: :class:`retain.items.suggestions.Suggestions` or the like."""

    def prepare(self, rows: Sequence[int]) -> None:
        """Compute the suggestions of these customers at once."""

    def items(self, source: str, row: int, limit: int) -> list[str]:
        """At most ``limit`` product ids of one of the sources, the likeliest first."""

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:
        """Those of ``product_ids`` that nobody says are sold out."""


@dataclass(slots=True)
class Items:
    """The product ids that actions speak of, for one customer."""

    catalogue: Catalogue
    known: Known
    row: int
    suggestions: Suggested | None

    def of(self, place: int) -> tuple[str, ...]:
        """For the action at ``place``: of the first of its sources that has any."""
        for source in self.catalogue.actions[place].items:
            if items := self._of_source(source):
                return tuple(items[:ITEMS])
        return ()

    def _of_source(self, source: str) -> list[str]:
        suggested = self.suggestions
        if source in SOURCES:
            return [] if suggested is None else suggested.items(source, self.row, ITEMS)
        items = [str(item) for item in self.known[source] or ()]
        # what was bought is spoken of, not offered: a review is asked for also when it is sold out
        if suggested is None or source == "last_products":
            return items
        return suggested.in_stock(items)
