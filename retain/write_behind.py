"""Writing behind: what may be lost in a crash is stored in batches by a thread of its own."""

import logging
import threading
from collections.abc import Callable
from itertools import islice
from time import monotonic
from typing import Generic, TypeVar

from retain.errors import StoreUnavailable

Item = TypeVar("Item")

PAUSE_SECONDS = 0.4
"""Every commit has whoever reads the file map it anew: few large ones cost answers a tenth less."""
_LEAST_PAUSE_SECONDS = 0.05
BATCH = 2_500
MOST_WAITING = 20_000

_log = logging.getLogger(__name__)


class WriteBehind(Generic[Item]):
    """Items that wait to be written, by key; the thread starts with the first of them.

    Args:
        write: writes some.
        lost: hears of how many more are lost: too many waited, or they cannot be written at all.

    Attributes:
        dropped: how many were lost.
    """

    def __init__(
        self, write: Callable[[list[Item]], None], lost: Callable[[int], None] | None = None
    ) -> None:
        self._write = write
        self._lost = lost
        self._waiting: dict[str, Item] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def put(self, key: str, item: Item) -> None:
        """Have ``item`` written soon; never blocks on the store."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self._drop(1)
                return
            self._waiting[key] = item
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="write-behind", daemon=True)
                self._thread.start()

    def get(self, key: str) -> Item | None:
        """The item, while it waits."""
        with self._lock:
            return self._waiting.get(key)

    def flush(self) -> None:
        """Write everything that waits by now.

        Raises:
            StoreUnavailable: the rest still waits.
        """
        with self._writing:
            batch = self._next()
            while batch:
                try:
                    self._write(list(batch.values()))
                except StoreUnavailable:
                    raise
                # one item that cannot be written must not hold up all that come after it
                except Exception:  # noqa: BLE001
                    _log.exception("%d items cannot be written and are dropped", len(batch))
                    self._drop(len(batch))
                with self._lock:
                    for key in batch:
                        del self._waiting[key]
                # what came meanwhile waits for more: a write of few costs each of them several
                # times what it costs among many
                batch = self._next() if len(batch) == BATCH else {}

    def close(self) -> None:
        """Write what waits and end the thread; nothing may be put afterwards."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._flush_or_log()

    def _drop(self, many: int) -> None:
        self.dropped += many
        if self._lost is not None:
            self._lost(many)

    def _next(self) -> dict[str, Item]:
        with self._lock:
            return dict(islice(self._waiting.items(), BATCH))

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._closed.wait(pause):
            began = monotonic()
            self._flush_or_log()
            # from one write's beginning to the next's: no item waits for a pause and a write more
            pause = max(PAUSE_SECONDS - (monotonic() - began), _LEAST_PAUSE_SECONDS)

    def _flush_or_log(self) -> None:
        try:
            self.flush()
        except StoreUnavailable as error:
            _log.warning("previews wait, the store is away: %s", error.message)
