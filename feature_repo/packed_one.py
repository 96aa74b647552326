"""The packed rows of one customer, cut into numbers and texts without a matrix in between.

The same as :mod:`feature_repo.packed_lines` for one customer whose rows are all there and of the
schemas asked for; whoever meets anything else takes that way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_codec import ITEM_END, NO_TIME, NULL_ITEM
from feature_repo.packed_rows import damaged
from feature_repo.packed_schema import FIXED
from feature_repo.packed_view import PackedView

Floats = NDArray[np.float64]

_SIGN = 1 << 63
_END = bytes([ITEM_END])
_NULL = bytes([NULL_ITEM])
_NUMBERS = ("float64", "int64")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the parts of one view's row are, in bytes."""

    mark: bytes
    width: int
    floats: slice
    ints: slice
    nulls: int
    ends: int
    lengths: Struct


@dataclass(frozen=True, slots=True)
class _Text:
    """A text's view, which of its variable values it is, its null bit (byte and mask), its kind."""

    view: int
    number: int
    null: int
    bit: int
    is_list: bool


class OnePlan:
    """How rows of ``views`` are cut; ``names`` are the numbers to read, in their order.

    Raises:
        ValueError: a view holds numbers of another width than eight bytes.
    """

    def __init__(self, views: Sequence[PackedView], names: Sequence[str]) -> None:
        self.places: list[_Place] = []
        self.texts: dict[str, _Text] = {}
        floats: list[str] = []
        ints: list[str] = []
        for view, packed in enumerate(views):
            row = packed.schema.row
            dtypes = [dtype for _, dtype in packed.schema.fields]
            if any(dtype in FIXED and dtype not in _NUMBERS for dtype in dtypes):
                raise ValueError(packed.name)
            fields = {name: (field[0], field[1]) for name, field in (row.fields or {}).items()}
            first = fields["nulls"][1]

            def span(dtype: str, fields: dict[str, tuple[np.dtype, int]] = fields) -> slice:
                if dtype not in fields:
                    return slice(0, 0)
                kind, start = fields[dtype]
                return slice(start, start + kind.itemsize)

            variable = packed.schema.variable
            ends = fields["ends"][1] if variable else 0
            mark = packed.schema.fingerprint.to_bytes(8, "little")
            self.places.append(
                _Place(
                    mark,
                    row.itemsize,
                    span("float64"),
                    span("int64"),
                    first,
                    ends,
                    Struct(f"<{variable}I"),
                )
            )
            number = 0
            for place, (name, dtype) in enumerate(packed.schema.fields):
                if dtype == "float64":
                    floats.append(name)
                elif dtype == "int64":
                    ints.append(name)
                else:
                    self.texts[name] = _Text(
                        view, number, first + place // 8, 1 << place % 8, dtype == "strings"
                    )
                    number += 1
        self.floats = len(floats)
        everything = [*floats, *ints]
        self.order = np.array([everything.index(name) for name in names], dtype=np.intp)

    def read(self, cells: Sequence[Any]) -> "Numbers | None":
        """The numbers of these rows, one per view; None where they are not as planned."""
        floats, ints, heads = [], [], []
        for cell, place in zip(cells, self.places, strict=True):
            if type(cell) is not bytes or cell[:8] != place.mark or len(cell) < place.width:
                return None
            floats.append(cell[place.floats])
            ints.append(cell[place.ints])
            heads.append(cell[8:16])
        block = np.frombuffer(b"".join(floats + ints), np.float64)
        values = block.copy()
        whole = block[self.floats :].view(np.int64)
        values[self.floats :] = whole
        values[self.floats :][whole == NO_TIME] = np.nan
        return Numbers(values.take(self.order), _moment(min(heads)), _moment(max(heads)))

    def cut(self, cell: bytes, view: int) -> tuple[int, ...]:
        """Where the variable values of a view's row begin, and where the last of them ends.

        Raises:
            FingerprintMismatch: the row is not whole.
        """
        place = self.places[view]
        ends = place.lengths.unpack_from(cell, place.ends)
        if ends[-1] != len(cell) - place.width or list(ends) != sorted(ends):
            raise damaged()
        return (place.width, *[place.width + end for end in ends])


class Numbers(NamedTuple):
    """The numbers of one customer.

    Attributes:
        values: those planned, (d,); NaN is missing.
        oldest, newest: event times in epoch microseconds, of the view written first and last.
    """

    values: Floats
    oldest: int
    newest: int


def _moment(head: bytes) -> int:
    return int.from_bytes(head, "big") - _SIGN


class PackedOne:
    """The texts and lists of one customer, whose rows are as planned, as they are asked for."""

    __slots__ = ("_cells", "_ends", "_plan")

    def __init__(self, plan: OnePlan, cells: Sequence[bytes]) -> None:
        self._plan = plan
        self._cells = cells
        self._ends: dict[int, tuple[int, ...]] = {}

    def raw(self, name: str) -> bytes | None:
        """A text as it is stored; None is missing.

        Raises:
            FingerprintMismatch: the row it is in is damaged.
        """
        text = self._plan.texts[name]
        cell = self._cells[text.view]
        if cell[text.null] & text.bit:
            return None
        ends = self._ends.get(text.view)
        if ends is None:
            ends = self._ends[text.view] = self._plan.cut(cell, text.view)
        return cell[ends[text.number] : ends[text.number + 1]]

    def text(self, name: str) -> str | None:
        """A text; None is missing."""
        found = self.raw(name)
        return None if found is None else found.decode()

    def texts(self, name: str) -> list[str]:
        """A list; empty is missing."""
        return items_of(self.raw(name))


def items_of(stored: bytes | None) -> list[str]:
    """A list as it is read; a missing one is empty."""
    if not stored:
        return []
    # a null within a list is kept as it is elsewhere
    return [None if one == _NULL else one.decode() for one in stored[:-1].split(_END)]  # type: ignore[misc]
