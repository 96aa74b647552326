"""A store that did not answer is not asked again for a moment: nobody waits for it in a row."""

from threading import Lock
from time import monotonic
from typing import Literal

from retain.errors import StoreUnavailable

PAUSE_SECONDS = 1.0
REMEMBERED_SECONDS = 60.0
"""A failure says how things are for so long, where nobody has asked since."""

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Open from a failure on; then one question at a time tries, until one was answered.

    Shared by threads: with few of them at work, each waiting out a timeout, those that queue
    behind would wait many times as long. Who looks at the store apart from all questions may hold
    it open: then none of them tries. ``message`` and ``remedy`` are for who is not let through.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        self._message = message
        self._remedy = remedy
        self._lock = Lock()
        self._again_at: float | None = None
        self._failed_at = 0.0
        self._tries = False
        self._held = False

    @property
    def state(self) -> State:
        """``closed``: all may ask. ``open``: nobody may. ``half_open``: the next one tries.

        While one tries the others may not: a try can take longer than the pause before it.
        """
        if self._held:
            return "open"
        again_at = self._again_at
        if again_at is None:
            return "closed"
        return "open" if self._tries or monotonic() < again_at else "half_open"

    @property
    def is_failing(self) -> bool:
        """Whether the last question failed, and that was not too long ago to say anything."""
        lately = monotonic() - self._failed_at < REMEMBERED_SECONDS
        return self._held or (self._again_at is not None and lately)

    def admit(self) -> None:
        """Let a question pass; after a failure one per pause, which is the one that tries.

        Raises:
            StoreUnavailable: the store failed a moment ago, somebody is just trying, or it is
                known not to answer.
        """
        if self._held:
            raise StoreUnavailable(self._message, remedy=self._remedy)
        if self._again_at is None:
            return
        with self._lock:
            now = monotonic()
            if self._again_at is not None and now < self._again_at:
                raise StoreUnavailable(self._message, remedy=self._remedy)
            if self._again_at is not None:
                # the others go on failing while this one tries
                self._again_at = now + PAUSE_SECONDS
                self._tries = True

    def failed(self) -> None:
        """A question was not answered."""
        self._failed_at = monotonic()
        self._again_at = self._failed_at + PAUSE_SECONDS
        self._tries = False

    def answered(self) -> None:
        """A question was answered: everybody may ask, unless it is held open."""
        self._again_at = None
        self._tries = False

    def undecided(self) -> None:
        """A question failed for a reason that says nothing of the store."""
        self._tries = False

    def hold(self) -> None:
        """The store is seen not to answer: nobody asks it until :meth:`release`."""
        self._held = True

    def release(self) -> None:
        """The store is seen to answer: everybody may ask."""
        self._held = self._tries = False
        self._again_at = None
