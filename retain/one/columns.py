"""One customer's plain values as columns of one row, for what is only written for many."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import ACTION_RULES
from retain.one.features import One


class OneColumns(Mapping[str, NDArray[Any]]):
    """Every column of :data:`retain.columns.ACTION_RULES`, (1,), made when it is asked for."""

    __slots__ = ("one",)

    def __init__(self, one: One) -> None:
        self.one = one

    def __getitem__(self, name: str) -> NDArray[Any]:
        kind = ACTION_RULES[name]
        if kind == "number":
            return np.array([self.one[name]], dtype=np.float64)
        column = np.empty(1, dtype=object)
        column[0] = self.one[name]
        return column

    def __contains__(self, name: object) -> bool:
        return name in ACTION_RULES

    def __iter__(self) -> Iterator[str]:
        yield from ACTION_RULES

    def __len__(self) -> int:
        return len(ACTION_RULES)
