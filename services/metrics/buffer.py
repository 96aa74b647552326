"""What was observed and is not folded into Prometheus' values yet."""

from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 20_000
"""Observations a buffer holds; whoever fills it folds, however long that takes then."""

Observation = TypeVar("Observation")


class Buffer(Generic[Observation]):
    """A list that any thread adds to and one at a time takes from, without a lock.

    ``append`` is the list's own method: observing is not to cost more than that.
    """

    __slots__ = ("_observed", "append")

    def __init__(self) -> None:
        self._observed: list[Observation] = []
        self.append: Callable[[Observation], None] = self._observed.append

    def __len__(self) -> int:
        """How many wait."""
        return len(self._observed)

    def take(self) -> list[Observation]:
        """Everything there is now; what is added meanwhile stays for the next time."""
        # each line is one step for the interpreter: nothing is between a copy and its removal
        many = len(self._observed)
        taken = self._observed[:many]
        del self._observed[:many]
        return taken
