"""The packed rows of many customers, cut as :mod:`feature_repo.packed_one` cuts those of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_codec import NO_TIME, time_us
from feature_repo.packed_one import OnePlan, items_of
from retain.features.ageing import objects
from retain.features.sheet import Objects

Floats = NDArray[np.float64]


class PackedMany:
    """The rows of n customers, all there and of the schemas planned.

    Attributes:
        numbers: those planned, (n, d); NaN is missing.
        times: event times in epoch microseconds, (n, views).
    """

    def __init__(self, plan: OnePlan, lines: Sequence[Sequence[bytes]]) -> None:
        self._plan = plan
        self._lines = lines
        self._ends: dict[int, list[tuple[int, ...]]] = {}
        count = len(lines)
        columns: list[tuple[bytes, ...]] = list(zip(*lines, strict=True))
        floats, ints = [], []
        for cells, place in zip(columns, plan.places, strict=True):
            floats.append(_block([cell[place.floats] for cell in cells], count))
            ints.append(_block([cell[place.ints] for cell in cells], count))
        values = np.concatenate([*floats, *ints], axis=1)
        whole = values[:, plan.floats :].view(np.int64)
        missing = whole == NO_TIME
        read = values.copy()
        read[:, plan.floats :] = whole
        read[:, plan.floats :][missing] = np.nan
        self.numbers: Floats = read.take(plan.order, axis=1)
        heads = b"".join([cell[8:16] for line in lines for cell in line])
        self.times = time_us(np.frombuffer(heads, ">u8").reshape(count, -1))

    def take(self, rows: NDArray[np.intp]) -> "PackedMany":
        """The customers in some of the rows."""
        return PackedMany(self._plan, [self._lines[row] for row in rows])

    def objects(self, name: str) -> Objects:
        """A text (None is missing) or a list (empty is missing) of every customer.

        Raises:
            FingerprintMismatch: a row is damaged.
        """
        raw = self.raw(name)
        if self._plan.texts[name].is_list:
            return objects([items_of(one) for one in raw])
        return objects([None if one is None else one.decode() for one in raw])

    def raw(self, name: str) -> list[bytes | None]:
        """A text of every customer as it is stored; None is missing."""
        text = self._plan.texts[name]
        view, number, byte, bit = text.view, text.number, text.null, text.bit
        ends = self._ends.get(view)
        if ends is None:
            cut = self._plan.cut
            ends = self._ends[view] = [cut(line[view], view) for line in self._lines]
        return [
            None if line[view][byte] & bit else line[view][own[number] : own[number + 1]]
            for line, own in zip(self._lines, ends, strict=True)
        ]


def _block(parts: Sequence[bytes], count: int) -> Floats:
    return np.frombuffer(b"".join(parts), np.float64).reshape(count, -1)


def sound(plan: OnePlan, cells: Sequence[Any]) -> bool:
    """Whether every view has a row, of the schema planned."""
    return all(
        type(cell) is bytes and cell[:8] == place.mark and len(cell) >= place.width
        for cell, place in zip(cells, plan.places, strict=True)
    )
