"""Features of some customers as a request reads them: columns, with all numbers side by side."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.columns import Columns
from retain.features.ageing import NAMES, NUMBERS, OBJECTS, aged, currencies, side_by_side

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

PLACES: Mapping[str, int] = {name: place for place, name in enumerate(NUMBERS)}
"""Of every number of the features as they are read, its column in :attr:`ReadColumns.numbers`."""


class ReadColumns(Mapping[str, NDArray[Any]]):
    """The columns of :func:`~retain.features.ageing.aged`, made of numbers that lie together.

    Args:
        stored: (n, numbers) as they are stored, in the order of
            :data:`~retain.features.ageing.STORED_NUMBERS`; NaN is missing.
        as_of: (n,) the moments they are read at, in microseconds since the epoch.
        objects: gives a text or list feature by name, (n,); asked once for each.
    """

    __slots__ = ("_made", "_objects", "numbers")

    def __init__(self, stored: Floats, as_of: Floats, objects: Callable[[str], Objects]) -> None:
        self.numbers = side_by_side(stored, as_of)
        self._objects = objects
        self._made: dict[str, Objects] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        place = PLACES.get(name)
        if place is not None:
            return self.numbers[:, place]
        made = self._made.get(name)
        if made is None:
            if name not in OBJECTS:
                raise KeyError(name)
            made = currencies(self) if name == "currency" else self._objects(name)
            self._made[name] = made
        return made

    def __contains__(self, name: object) -> bool:
        return name in PLACES or name in OBJECTS

    def __iter__(self) -> Iterator[str]:
        yield from NAMES

    def __len__(self) -> int:
        return len(NAMES)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Features of n customers as they are read.

    Attributes:
        customer_ids: who they are.
        as_of: (n,) the moments of the read.
        columns: the read-time columns, n rows each.
    """

    customer_ids: list[str]
    as_of: NDArray[np.datetime64]
    columns: Columns

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """The sheet of a feature table."""
        as_of = table.column("as_of").to_numpy().astype("datetime64[us]")
        return cls(table.column("customer_id").to_pylist(), as_of, aged(table))


class Rows(Protocol):
    """Features that were read, as whoever wants them."""

    @property
    def table(self) -> pa.Table:
        """As a feature table."""

    @property
    def sheet(self) -> Sheet:
        """As a sheet, without a table where that can be."""
