"""The sweeper: it has rows written again when a window edge passes them, before anybody asks."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice

from retain.clock import Clock, to_micros
from retain.errors import StoreUnavailable

SLICE = 500
REST_SECONDS = 60.0
"""Between one round over all customers and the next."""
LOOK_AGAIN_SECONDS = 1.0
"""After a row was marked: the events of one visit pass an edge within seconds of each other."""
_AHEAD_SECONDS = 600.0
_SHARE = 0.02
_SECONDS_PER_CUSTOMER = 0.01


class Sweeper:
    """Goes over all customers in slices and notes when the next edge passes their rows.

    Whose edge passes is marked pending in that moment. What is noted is what passes before the
    round after the next one, at least for ten minutes ahead: some hundredths of all customers.

    Args:
        customers: the next customers after an id, at most so many, in order.
        ends: until when the rows of these customers hold, in epoch microseconds, as of a moment.
        mark: have these written again.
        seconds: a clock that does not go back, to rest by.
    """

    def __init__(
        self,
        *,
        customers: Callable[[str, int], list[str]],
        ends: Callable[[Sequence[str], datetime], list[float]],
        mark: Callable[[Sequence[str]], None],
        clock: Clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._customers = customers
        self._ends = ends
        self._mark = mark
        self._clock = clock
        self._seconds = seconds
        self._after = ""
        self._began = self._slice_at = seconds()
        self._ahead = _AHEAD_SECONDS
        self._edges: list[tuple[float, str]] = []
        self._noted: dict[str, float] = {}
        self._marked: dict[str, None] = {}  # in the order they came
        self._look_at = 0.0

    def sweep(self) -> float:
        """Mark whose edge has passed, look at a slice where that is due.

        Returns the seconds until there is something to do again.

        Raises:
            StoreUnavailable: a store did not answer; the same is done next.
        """
        self._pass()
        if self._marked and self._seconds() >= self._look_at:
            again = [*islice(self._marked, SLICE)]
            for one in again:
                del self._marked[one]
            self._look_at = self._seconds() + LOOK_AGAIN_SECONDS
            try:
                self._take(again)
            except StoreUnavailable:
                self._marked.update(dict.fromkeys(again))
                self._look_at = self._seconds()
                raise
        if self._seconds() >= self._slice_at:
            self._slice_at = self._seconds() + self._slice()
        return max(self._next() - self._seconds(), 0.0)

    def _pass(self) -> None:
        """Mark those whose noted edges have passed."""
        now = to_micros(self._clock())
        passed = []
        while self._edges and self._edges[0][0] <= now:
            end, one = heappop(self._edges)
            # another edge may have been noted since, nearer or farther
            if self._noted.get(one) == end:
                del self._noted[one]
                passed.append(one)
        if passed:
            self._look_again(passed)
            self._mark(passed)

    def _look_again(self, ids: Sequence[str]) -> None:
        """Look at these again in a moment: not later for whoever comes after the first."""
        if not self._marked:
            self._look_at = self._seconds() + LOOK_AGAIN_SECONDS
        self._marked.update(dict.fromkeys(ids))

    def _slice(self) -> float:
        """Look at the next slice; returns for how long to rest then.

        So long that looking takes a fiftieth of a core, and that those who are due can be
        computed in between: events are more urgent.
        """
        began = time.thread_time()
        ids = self._customers(self._after, SLICE)
        due = self._take(ids) if ids else 0
        self._after = ids[-1] if len(ids) == SLICE else ""
        if self._after:
            return (time.thread_time() - began) / _SHARE + due * _SECONDS_PER_CUSTOMER
        round_seconds = self._seconds() + REST_SECONDS - self._began
        self._ahead = max(_AHEAD_SECONDS, 2 * round_seconds)
        self._began = self._seconds() + REST_SECONDS
        return REST_SECONDS

    def _take(self, ids: Sequence[str]) -> int:
        """Note the next edge of each, mark those whose has passed; returns how many these are."""
        moment = self._clock()
        now = to_micros(moment)
        until = now + 1e6 * self._ahead
        due = []
        for one, end in zip(ids, self._ends(ids, moment), strict=True):
            if end <= now:
                due.append(one)
            elif end < until and self._noted.get(one) != end:
                self._noted[one] = end
                heappush(self._edges, (end, one))
        if due:
            self._look_again(due)
            self._mark(due)
        return len(due)

    def _next(self) -> float:
        """When there is something to do, in seconds of the clock that does not go back."""
        times = [self._slice_at]
        if self._marked:
            times.append(self._look_at)
        if self._edges:
            left = (self._edges[0][0] - to_micros(self._clock())) / 1e6
            times.append(self._seconds() + left)
        return min(times)
