"""The terms of a receipt's candidates as they are stored: columns of numbers, not a text of each.

A number is written where it is another than that of the action before it; a bit says where that
is. Most columns are the same for many actions, and nothing is rounded.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retain.decisions.terms import BASES

MEASURED = (
    *("value", "context_weight", "channel_weight", "redemption_cost"),
    *("uplift", "conversion", "expected"),
)
"""What is stored of each action, in this order: what is alike stands together."""
MOST_TREATMENTS = 255 // len(BASES)
_FLOAT = np.dtype("<f8")


class Table(Protocol):
    """The fields of :class:`~retain.decisions.worth.Worth`, each of n customers x a actions."""

    @property
    def treatment(self) -> NDArray[np.intp]:
        """Positions of the best treatments."""

    @property
    def basis(self) -> NDArray[np.intp]:
        """Positions in :data:`~retain.decisions.terms.BASES`."""


class Columns(NamedTuple):
    """The terms of one receipt, by place in the catalogue.

    Attributes:
        treatments: positions among each action's.
        bases: positions in :data:`~retain.decisions.terms.BASES`.
        measured: :data:`MEASURED`, None where a number is not known.
    """

    treatments: Sequence[int]
    bases: Sequence[int]
    measured: list[list[float | None]]


def cut(table: Table) -> list[bytes]:
    """Per customer the bytes that :func:`paste` reads.

    Args:
        table: no action has more than :data:`MOST_TREATMENTS`.
    """
    actions = table.treatment.shape[1]
    chosen = (table.treatment * len(BASES) + table.basis).astype(np.uint8).tobytes()
    numbers = np.concatenate([getattr(table, name) for name in MEASURED], axis=1, dtype=_FLOAT)
    bits = numbers.view("<u8")
    other = np.ones(bits.shape, dtype=np.bool_)
    np.not_equal(bits[:, 1:], bits[:, :-1], out=other[:, 1:])
    written = numbers[other].tobytes()
    ends = (np.count_nonzero(other, axis=1).cumsum() * _FLOAT.itemsize).tolist()
    where = np.packbits(other, axis=1)
    wide, where_all = where.shape[1], where.tobytes()
    return [
        chosen[row * actions : (row + 1) * actions]
        + where_all[row * wide : (row + 1) * wide]
        + written[begin:end]
        for row, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]


def paste(content: bytes, actions: int) -> Columns:
    """What :func:`cut` was given of one customer, of so many actions."""
    bits = actions * len(MEASURED)
    wide = (bits + 7) // 8
    where = np.frombuffer(content, dtype=np.uint8, count=wide, offset=actions)
    written = np.frombuffer(content, dtype=_FLOAT, offset=actions + wide)
    found = np.unpackbits(where, count=bits).cumsum(dtype=np.intp) - 1
    numbers: list[float | None] = written[found].tolist()
    unknown = np.flatnonzero(~np.isfinite(written[found]))
    for place in unknown.tolist():
        numbers[place] = None
    chosen = content[:actions]
    return Columns(
        [each // len(BASES) for each in chosen],
        [each % len(BASES) for each in chosen],
        [numbers[at : at + actions] for at in range(0, bits, actions)],
    )
