"""What ``/predict`` goes on answering while the operational store is away, and for how long.

The stored features of a customer are right as of the last moment the event log was there to
compare them with. What happened since nobody can say, so such answers name it as uncertain.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from time import monotonic

from services.metrics import Metrics
from services.schemas.statuses import Missing

log = logging.getLogger("retain.service")


class Degraded:
    """Whether to answer without the operational store, and who was told what is missing.

    Args:
        silent: for how many seconds the store has not answered, by who looks at it; 0 where it
            answers.
        refuses: whether it is left alone at this moment because it did not answer.
        most: for how long it may be away; zero is never.
        metrics: told of every customer who was answered without something.
    """

    def __init__(
        self,
        *,
        silent: Callable[[], float],
        refuses: Callable[[], bool],
        most: timedelta,
        metrics: Metrics,
    ) -> None:
        self._silent = silent
        self._refuses = refuses
        self._most = most.total_seconds()
        self._metrics = metrics
        self._since: dict[Missing, float] = {}
        self._lock = Lock()

    def is_allowed(self) -> bool:
        """Whether answers may do without it now; after too long they may not."""
        return 0 < self._most >= self._silent()

    def is_away(self) -> bool:
        """Whether it is known to be, and answers may do without: nobody waits to find out."""
        return self.is_allowed() and (self._refuses() or self._silent() > 0)

    def missed(self, part: Missing, customers: int) -> None:
        """So many customers were answered without ``part``; the first time it is logged."""
        self._metrics.degraded(part, customers)
        with self._lock:
            begins = part not in self._since
            self._since.setdefault(part, monotonic())
        if begins:
            log.error("predictions are degraded: a store is away, %s is missing", part)

    def told(self, *parts: Missing) -> None:
        """Somebody was answered with ``parts``."""
        for part in parts if self._since else ():
            with self._lock:
                since = self._since.pop(part, None)
            if since is not None:
                lasted = monotonic() - since
                log.warning("predictions have %s again, after %.1f s", part, lasted)


def never(metrics: Metrics) -> Degraded:
    """Nobody is answered from stored features that were not compared with the log."""
    return Degraded(silent=lambda: 0.0, refuses=lambda: False, most=timedelta(0), metrics=metrics)
