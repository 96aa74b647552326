"""The sweeper: finds rows that a window edge has passed, before anybody asks for them."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from retain.clock import Clock

SLICE = 500
REST_SECONDS = 60.0
"""Between one round over all customers and the next."""
_SHARE = 0.02
_SECONDS_PER_CUSTOMER = 0.01


class Sweeper:
    """Goes over all customers in slices; who is due is marked pending.

    Args:
        customers: the next customers after an id, at most so many, in order.
        due: those whose rows do not hold any more at a moment.
        mark: have these written again.
    """

    def __init__(
        self,
        *,
        customers: Callable[[str, int], list[str]],
        due: Callable[[Sequence[str], datetime], list[str]],
        mark: Callable[[Sequence[str]], None],
        clock: Clock,
    ) -> None:
        self._customers = customers
        self._due = due
        self._mark = mark
        self._clock = clock
        self._after = ""

    def sweep(self) -> float:
        """Look at one slice; returns the seconds until the next one should be looked at.

        So long that looking takes a fiftieth of a core, and that those who are due can be
        computed in between: events are more urgent.

        Raises:
            StoreUnavailable: a store did not answer; the same slice is next.
        """
        began = time.thread_time()
        ids = self._customers(self._after, SLICE)
        due = self._due(ids, self._clock()) if ids else []
        self._mark(due)
        self._after = ids[-1] if len(ids) == SLICE else ""
        if not self._after:
            return REST_SECONDS
        return (time.thread_time() - began) / _SHARE + len(due) * _SECONDS_PER_CUSTOMER
