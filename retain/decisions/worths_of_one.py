"""The worth of the actions for one customer, each by :mod:`retain.decisions.worth`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from retain.decisions.worth import Appraiser, Measure, Worth
from retain.one.features import One
from retain.rule_rows import NAN, Known

UNKNOWN = (NAN, NAN)


class WorthsOfRow:
    """The worth of the actions for one customer, each when it is asked for.

    Args:
        appraiser: of the catalogue.
        row: what is known of the customer.
        measured: asks the model about places, as :meth:`Appraiser.measured` does.
        likely: places that will be asked for: the model is asked about all of them at once.
    """

    def __init__(
        self,
        appraiser: Appraiser,
        row: Known,
        measured: Measure,
        likely: Sequence[int],
    ) -> None:
        self._appraiser = appraiser
        self._row = row
        self._measure = measured
        self._likely = likely
        self._known: dict[int, Worth] = {}
        self._measured: dict[int, tuple[float, float]] = {}
        self._preferred = appraiser.preferred(row)

    def expected(self, place: int) -> float:
        """The expected value of the action at ``place`` of the catalogue."""
        return self.of(place).expected

    def of(self, place: int) -> Worth:
        """All its terms."""
        found = self._known.get(place)
        if found is None:
            if place not in self._measured:
                self._ask(place)
            found = self._known[place] = self._appraiser.of_row(
                self._row, place, self._measured[place], self._preferred
            )
        return found

    def _ask(self, place: int) -> None:
        taught, asked = self._appraiser.taught, self._measured
        if place not in taught:
            asked[place] = UNKNOWN
            return
        places = [at for at in self._likely if at in taught]
        if place not in places:
            places = [at for at in taught if at not in asked]
        measured = self._measure(places)
        if measured is None:
            self._measured = dict.fromkeys(range(len(self._appraiser.ids)), UNKNOWN)
        else:
            treated, held_out = (arm[0].tolist() for arm in measured)
            self._measured.update(zip(places, zip(treated, held_out, strict=True), strict=True))


class WorthsOfKept:
    """The worth of the actions for one customer, most of which were computed together."""

    __slots__ = ("_appraiser", "_found", "_others", "_row")

    def __init__(self, appraiser: Appraiser, row: One, found: dict[int, tuple[Any, ...]]) -> None:
        self._appraiser = appraiser
        self._row = row
        self._found = found
        self._others: WorthsOfRow | None = None

    def expected(self, place: int) -> float:
        """The expected value of the action at ``place`` of the catalogue."""
        found = self._found.get(place)
        value: float = self.of(place).expected if found is None else found[0]
        return value

    def of(self, place: int) -> Worth:
        """All its terms."""
        found = self._found.get(place)
        if found is not None:
            return Worth._make(found)
        if self._others is None:
            measured = partial(self._appraiser.measured_of, self._row)
            self._others = WorthsOfRow(self._appraiser, self._row, measured, ())
        return self._others.of(place)
