"""A store that did not answer is not asked again for a moment: nobody waits for it in a row."""

from threading import Lock
from time import monotonic
from typing import Literal

from retain.errors import StoreUnavailable

PAUSE_SECONDS = 1.0

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Open from a failure on; then one question at a time tries, until one was answered.

    Shared by threads: with few of them at work, each waiting out a timeout, those that queue
    behind would wait many times as long. ``message`` and ``remedy`` are for who is not let
    through.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        self._message = message
        self._remedy = remedy
        self._lock = Lock()
        self._again_at: float | None = None

    @property
    def state(self) -> State:
        """``closed``: all may ask. ``open``: nobody may. ``half_open``: the next one tries."""
        again_at = self._again_at
        if again_at is None:
            return "closed"
        return "open" if monotonic() < again_at else "half_open"

    def admit(self) -> None:
        """Let a question pass; after a failure one per pause, which is the one that tries.

        Raises:
            StoreUnavailable: the store failed a moment ago, or somebody is just trying.
        """
        if self._again_at is None:
            return
        with self._lock:
            now = monotonic()
            if self._again_at is not None and now < self._again_at:
                raise StoreUnavailable(self._message, remedy=self._remedy)
            if self._again_at is not None:
                # the others go on failing while this one tries
                self._again_at = now + PAUSE_SECONDS

    def failed(self) -> None:
        """A question was not answered."""
        self._again_at = monotonic() + PAUSE_SECONDS

    def answered(self) -> None:
        """A question was answered: everybody may ask."""
        self._again_at = None
