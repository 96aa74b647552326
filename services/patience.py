"""Patience with decisions that another worker made a moment ago and has not written yet."""

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

from retain import clock, ulid

WRITTEN_WITHIN = timedelta(seconds=2)
"""A preview is written within a second; another machine's clock may be a little off."""
WAIT_SECONDS = 1.5
_POLL_SECONDS = 0.075


class Patience:
    """One request's: how often it looks again for decisions that are not there.

    Only an id that says that it was made just now is waited for, so an id that never was, or is
    long gone, is answered at once. No thread is held while waiting.
    """

    def __init__(self) -> None:
        self._until = time.monotonic() + WAIT_SECONDS

    async def again(self, missing: Iterable[str]) -> frozenset[str]:
        """Those of the missing ids to look for again, after a while; none at once."""
        fresh = frozenset(filter(_is_fresh, missing))
        if not fresh or time.monotonic() >= self._until:
            return frozenset()
        await asyncio.sleep(_POLL_SECONDS)
        return fresh


def _is_fresh(decision_id: str) -> bool:
    made_at = ulid.made_at(decision_id)
    return made_at is not None and abs(clock.now() - made_at) < WRITTEN_WITHIN
