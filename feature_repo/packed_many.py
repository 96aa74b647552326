"""The packed rows of many customers, cut as :mod:`feature_repo.packed_one` cuts those of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_codec import NO_TIME, time_us
from feature_repo.packed_one import OnePlan, items_of
from feature_repo.packed_rows import damaged
from retain import native
from retain.features.ageing import objects
from retain.features.sheet import Objects

Floats = NDArray[np.float64]
Line = tuple[Any, ...]
_COMPILED = native.compiled("cells")


class ManyPlan:
    """How rows of many customers are cut; what it does in C where that was compiled."""

    def __init__(self, plan: OnePlan) -> None:
        self.plan = plan
        self.compiled = None if _COMPILED is None else _COMPILED.Cells(*_cells(plan))

    def sound(self, lines: list[Line], first: int) -> list[Line]:
        """The lines whose views, from the place ``first`` on, all have rows as planned."""
        if self.compiled is not None:
            found: list[Line] = self.compiled.sound(lines, first)
            return found
        return [line for line in lines if _is_sound(self.plan, line[first:])]


class PackedMany:
    """The rows of n customers, all there and of the schemas planned.

    Attributes:
        numbers: those planned, (n, d); NaN is missing.
        times: event times in epoch microseconds, (n, views).
    """

    def __init__(self, many: ManyPlan, lines: list[Line]) -> None:
        self._many = many
        self._plan = many.plan
        self._lines = lines
        self._ends: dict[int, list[tuple[int, ...]]] = {}
        self.numbers: Floats
        self.times: NDArray[np.int64]
        if many.compiled is None:
            self.numbers, self.times = _numbers(self._plan, lines)
        else:
            self.numbers, self.times = many.compiled.numbers(lines)

    def take(self, rows: NDArray[np.intp]) -> "PackedMany":
        """The customers in some of the rows."""
        return PackedMany(self._many, [self._lines[row] for row in rows])

    def objects(self, name: str) -> Objects:
        """A text (None is missing) or a list (empty is missing) of every customer.

        Raises:
            FingerprintMismatch: a row is damaged.
        """
        text = self._plan.texts[name]
        if self._many.compiled is None:
            raw = self._raw(name)
            told = raw if text.is_list else [None if one is None else one.decode() for one in raw]
        else:
            told = self._many.compiled.texts(
                self._lines, text.view, text.number, text.null, text.bit, not text.is_list
            )
            if told is None:
                raise damaged()
        return objects([items_of(one) for one in told] if text.is_list else told)

    def _raw(self, name: str) -> list[Any]:
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


def _numbers(plan: OnePlan, lines: Sequence[Line]) -> tuple[Floats, NDArray[np.int64]]:
    count = len(lines)
    columns: list[tuple[bytes, ...]] = list(zip(*lines, strict=True))
    floats, ints = [], []
    for cells, place in zip(columns, plan.places, strict=True):
        floats.append(_block([cell[place.floats] for cell in cells], count))
        ints.append(_block([cell[place.ints] for cell in cells], count))
    values = np.concatenate([*floats, *ints], axis=1)
    whole = values[:, plan.floats :].view(np.int64)
    read = values.copy()
    read[:, plan.floats :] = whole
    read[:, plan.floats :][whole == NO_TIME] = np.nan
    heads = b"".join([cell[8:16] for line in lines for cell in line])
    times = time_us(np.frombuffer(heads, ">u8").reshape(count, -1))
    return read.take(plan.order, axis=1), times


def _block(parts: Sequence[bytes], count: int) -> Floats:
    return np.frombuffer(b"".join(parts), np.float64).reshape(count, -1)


def _is_sound(plan: OnePlan, cells: Sequence[Any]) -> bool:
    return all(
        type(cell) is bytes and cell[:8] == place.mark and len(cell) >= place.width
        for cell, place in zip(cells, plan.places, strict=True)
    )


def _cells(plan: OnePlan) -> tuple[Any, ...]:
    """What cuts rows in C: every view's mark and places, and where each number planned is."""
    views = tuple(
        (place.mark, place.width, place.ends, place.lengths.size // 4) for place in plan.places
    )
    spans = [
        *((view, place.floats, False) for view, place in enumerate(plan.places)),
        *((view, place.ints, True) for view, place in enumerate(plan.places)),
    ]
    every = [
        (view, start, is_whole)
        for view, span, is_whole in spans
        for start in range(span.start, span.stop, 8)
    ]
    return views, tuple(every[place] for place in plan.order.tolist())
