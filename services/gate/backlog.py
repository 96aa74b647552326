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
    between them, more comes than is answered. A few are let in all the same: they are no crowd,
    and it is the machine that is slow. What is answered where it is read comes before what is begun
    in a task of its own: who waited for that began to wait when they were read.
    """

    __slots__ = ("_before", "_began", "_came", "_ended", "_lasted", "_let_in", "_ready", "waited")

    def __init__(self) -> None:
        self._began: float | None = None
        self._before = self._lasted = 0.0
        self._ended = -inf
        self._let_in = self._came = self._ready = 0
        self.waited = 0.0

    def admit(
        self,
        loop: AbstractEventLoop,
        now: float,
        most_seconds: float,
        least: int = 1,
        read_at: float = inf,
    ) -> None:
        """Let a request begin at ``now``, in seconds of ``time.monotonic``.

        From then on ``waited`` is how many seconds it has waited for others of its turn, or since
        it was read, also where it is refused.

        Args:
            loop: the event loop.
            now: the moment.
            most_seconds: it may have waited so long.
            least: so many are let in all the same, in one turn.
            read_at: when it was read, where that is not now.

        Raises:
            Overloaded: this turn of the loop has gone on for more than ``most_seconds`` before it,
                or so long ago it was read, and so long the last turn was, and ``least`` were let
                in already.
        """
        if self._began is None:
            self._before = self._lasted if now - self._ended < self._lasted else 0.0
            self._began = now
            self._let_in = self._came = 0
            # what is called soon from here runs after everything this turn has found ready
            loop.call_soon(self._end)
        self._came += 1
        self.waited = waited = max(now - min(self._began, read_at), 0.0)
        if waited > most_seconds and self._before > most_seconds and self._let_in >= least:
            raise overloaded("more requests came at once than are answered in time")
        self._let_in += 1

    def depth(self) -> int:
        """How many requests the last turn found ready; 0 where there was a pause after it.

        It may be asked by any thread.
        """
        busy = self._began is not None or monotonic() - self._ended < self._lasted
        return max(self._ready, self._came) if busy else 0

    def _end(self) -> None:
        self._ended = monotonic()
        self._lasted = self._ended - (self._began or self._ended)
        self._ready = self._came
        self._began = None
