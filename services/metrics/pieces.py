"""Long work in small pieces, for a thread beside an event loop."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

WORK_SECONDS = 0.0003
_PAUSE_SECONDS = 0.001

Item = TypeVar("Item")


def in_pieces(items: Iterable[Item]) -> Iterator[Item]:
    """``items``, with a pause whenever what is done with them has taken a third of a millisecond.

    A thread that works on is given the interpreter's lock again and again, each time the loop
    waits for its sockets, and the loop answers a request or two in between; in a pause it answers
    all there are.
    """
    until = time.perf_counter() + WORK_SECONDS
    for item in items:
        yield item
        if time.perf_counter() > until:
            time.sleep(_PAUSE_SECONDS)
            until = time.perf_counter() + WORK_SECONDS
