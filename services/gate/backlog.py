"""How far the event loop is behind, seen from inside it."""

from asyncio import AbstractEventLoop
from math import inf
from time import monotonic

from services.gate.lane import overloaded


class Backlog:
    """The requests that one turn of the event loop found ready, answered one after the other.

    Work that never waits is in no queue that could be counted: what waits for it are the requests
    the loop has read and not begun. The first one to begin in a turn notes the time, and who
    begins so much later has waited as long, whoever it was that took it. One long turn may be a
    single slow answer; where the turn before was as long too, and there was less of a pause
    between them, more comes than is answered.
    """

    __slots__ = ("_before", "_began", "_ended", "_lasted", "refused")

    def __init__(self) -> None:
        self._began: float | None = None
        self._before = self._lasted = 0.0
        self._ended = -inf
        self.refused = 0

    def admit(self, loop: AbstractEventLoop, now: float, most_seconds: float) -> None:
        """Let a request begin at ``now``, in seconds of ``time.monotonic``.

        Raises:
            Overloaded: this turn of the loop has gone on for more than ``most_seconds`` before it,
                and so had the last one.
        """
        if self._began is None:
            self._before = self._lasted if now - self._ended < self._lasted else 0.0
            self._began = now
            # what is called soon from here runs after everything this turn has found ready
            loop.call_soon(self._end)
        elif now - self._began > most_seconds and self._before > most_seconds:
            self.refused += 1
            raise overloaded("more requests came at once than are answered in time")

    def seconds(self) -> float:
        """How long the turn before this one took, with no pause after it; 0 where there was one."""
        return self._before

    def _end(self) -> None:
        self._ended = monotonic()
        self._lasted = self._ended - (self._began or self._ended)
        self._began = None
