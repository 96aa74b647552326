"""Features of one customer as they are read: numbers side by side, texts when asked for."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY
from retain.columns import ACTION_RULES
from retain.features.ageing import NUMBERS, OBJECTS, OVER, SINCE, STORED_NUMBERS, UNDER, UNTIL
from retain.features.sheet import PLACES
from retain.rule_rows import NAN

Floats = NDArray[np.float64]

_STORED = len(STORED_NUMBERS)
_RATIOS = list(zip(OVER.tolist(), UNDER.tolist(), strict=True))


class Texts(Protocol):
    """The texts and lists of one customer's stored row."""

    def raw(self, name: str) -> bytes | None:
        """A text as it is stored; None is missing."""

    def text(self, name: str) -> str | None:
        """A text; None is missing."""

    def texts(self, name: str) -> list[str]:
        """A list; empty is missing."""


class One(dict[str, Any]):
    """What is known of one customer by name, as rules read it: made when it is asked for.

    Numbers are floats with NaN for missing, texts str or None, lists lists. What is not stored (a
    score, a segment) is there once somebody put it there, and missing before.

    Attributes:
        vector: the read-time numbers (:data:`~retain.features.ageing.NUMBERS`), (67,).
        stored: the texts as they are stored.
    """

    __slots__ = ("stored", "vector")

    def __init__(self, vector: Floats, texts: Texts) -> None:
        self.vector = vector
        self.stored = texts

    def __missing__(self, name: str) -> Any:
        """The value of a feature, or what is missing of its kind."""
        value: Any
        if (place := PLACES.get(name)) is not None:
            value = self.vector.item(place)
        elif name == "currency":
            value = self["order_currency"] or self["profile_currency"]
        elif (is_list := _OBJECTS.get(name)) is not None:
            value = self.stored.texts(name) if is_list else self.stored.text(name)
        else:
            value = NAN if ACTION_RULES.get(name) == "number" else None
        self[name] = value
        return value


def aged(stored: Floats, moment: int) -> Floats:
    """As :func:`retain.features.ageing.side_by_side` of one row, (67,).

    Args:
        stored: (:data:`~retain.features.ageing.STORED_NUMBERS`,), NaN where missing.
        moment: of the read, in microseconds since the epoch.
    """
    read = np.empty(len(NUMBERS))
    read[:_STORED] = stored
    read[SINCE] = (float(moment) - stored.take(SINCE)) / MICROSECONDS_PER_DAY
    read[UNTIL] = (stored.take(UNTIL) - float(moment)) / MICROSECONDS_PER_DAY
    for place, (over, under) in enumerate(_RATIOS, start=_STORED):
        divisor = read.item(under)
        ratio = read.item(over) / divisor if divisor else NAN
        read[place] = ratio if abs(ratio) < np.inf else NAN
    return read


_OBJECTS = {name: ACTION_RULES[name] == "list" for name in OBJECTS}
STORED_TEXTS = frozenset(name for name in OBJECTS if ACTION_RULES[name] == "text") - {"currency"}
"""The texts that are in a stored row."""
