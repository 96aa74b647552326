"""Customers known as plain values, made by hand."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.features.ageing import NUMBERS
from retain.features.sheet import PLACES
from retain.one.features import One


@dataclass
class Stored:
    """Texts and lists of a customer by name."""

    told: dict[str, Any]

    def raw(self, name: str) -> bytes | None:
        text = self.told.get(name)
        if isinstance(text, list):
            return "".join(f"{item}\x1f" for item in text).encode()
        return None if text is None else text.encode()

    def text(self, name: str) -> str | None:
        return self.told.get(name)

    def texts(self, name: str) -> list[str]:
        return self.told.get(name) or []


def one_of(numbers: dict[str, float], **told: Any) -> One:
    vector = np.full(len(NUMBERS), np.nan)
    for name, number in numbers.items():
        vector[PLACES[name]] = number
    return One(vector, Stored(told))


def fresh(one: One) -> One:
    """The same, of whom nothing was asked."""
    again = One(one.vector, one.stored)
    again.update(one)
    return again
