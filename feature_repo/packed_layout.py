"""How the fixed parts of a customer's rows, one per view, lie side by side in one line."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_schema import FIXED, PackedSchema

HEAD = 16  # bytes of a row before its body: the fingerprint and the event time
Place = tuple[str, int, int]

_KINDS = {dtype: kind for dtype, (kind, _) in FIXED.items()} | {
    "created": "<i8",
    "nulls": "u1",
    "ends": "<u4",
}


@dataclass(frozen=True)
class Layout:
    """The views of a line in order, with the schema of each.

    Attributes:
        views: name and schema of every view.
        headed: whether the rows are there with their heads; else a line is their bodies.
    """

    views: tuple[tuple[str, PackedSchema], ...]
    headed: bool = False

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.views, self.headed))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the views."""
        return tuple(name for name, _ in self.views)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Bytes of each view in a line."""
        cut = 0 if self.headed else HEAD
        return tuple(schema.row.itemsize - cut for _, schema in self.views)

    @cached_property
    def width(self) -> int:
        """Bytes of a line."""
        return sum(self.widths)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each view begins in a line."""
        return tuple(sum(self.widths[:view]) for view in range(len(self.views)))

    @cached_property
    def heads(self) -> NDArray[np.intp]:
        """Where in a headed line the bytes of all heads are."""
        first = np.array(self.starts, dtype=np.intp)[:, None]
        places: NDArray[np.intp] = (first + np.arange(HEAD)).ravel()
        return places

    @lru_cache(maxsize=256)  # noqa: B019 - layouts are few and live as long as the process
    def places_of(self, asked: "Layout") -> tuple[int | None, ...]:
        """Where in this layout each view of another one is; None where it is not."""
        return tuple(self.names.index(name) if name in self.names else None for name in asked.names)

    @cached_property
    def fingerprints(self) -> NDArray[np.uint64]:
        """The fingerprint of each view's schema."""
        return np.array([schema.fingerprint for _, schema in self.views], dtype=np.uint64)

    @cached_property
    def places(self) -> tuple[dict[str, Place], ...]:
        """Per view, where its values are: kind, how many, and the first byte in a line.

        By dtype, and ``created``, ``nulls`` and ``ends``.
        """
        places: list[dict[str, Place]] = []
        for (_, schema), start in zip(self.views, self.starts, strict=True):
            own: dict[str, Place] = {}
            for name, field in (schema.row.fields or {}).items():
                if name in _KINDS:
                    shape = field[0].shape
                    first = start + field[1] - (0 if self.headed else HEAD)
                    own[name] = (_KINDS[name], shape[0] if shape else 1, first)
            places.append(own)
        return tuple(places)

    @cached_property
    def fields(self) -> tuple[tuple[int, str, str], ...]:
        """Every field as its view, name and dtype: view after view, each in stored order."""
        return tuple(
            (view, name, dtype)
            for view, (_, schema) in enumerate(self.views)
            for name, dtype in schema.fields
        )

    @cached_property
    def view_of_field(self) -> NDArray[np.intp]:
        """The view of every field."""
        return np.array([view for view, _, _ in self.fields], dtype=np.intp)

    @cached_property
    def null_bits(self) -> NDArray[np.intp]:
        """Where among all views' null bits those of the fields are; the rest is padding."""
        bits: list[int] = []
        start = 0
        for (_, schema), own in zip(self.views, self.places, strict=True):
            bits.extend(range(start, start + len(schema.fields)))
            start += 8 * own["nulls"][1]
        return np.array(bits, dtype=np.intp)

    @cached_property
    def variable(self) -> tuple[tuple[int, ...], int]:
        """The variable fields (numbered as in the tails), lists first, and how many are lists."""
        kinds = [dtype for _, _, dtype in self.fields if dtype not in FIXED]
        lists = [number for number, dtype in enumerate(kinds) if dtype == "strings"]
        others = [number for number, dtype in enumerate(kinds) if dtype != "strings"]
        return (*lists, *others), len(lists)
