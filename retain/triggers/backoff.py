"""How long to wait before trying again: doubling, up to a limit, each time by chance.

"Full jitter" of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015),
over the upper half of the span, so that what failed together does not come back together and
none comes back at once.
"""

import random
from collections.abc import Callable
from datetime import timedelta


def wait_before(
    attempt: int,
    first: timedelta,
    longest: timedelta,
    chance: Callable[[], float] = random.random,
) -> timedelta:
    """The wait after the ``attempt``-th failure (1, 2, …); ``chance`` is uniform in [0, 1)."""
    doublings = min(attempt - 1, 40)
    span = min(first.total_seconds() * 2**doublings, longest.total_seconds())
    return timedelta(seconds=span * (0.5 + chance() / 2))
