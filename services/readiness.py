"""Readiness: models loaded and verified, fingerprints matching, every store reached once.

A store that dies later makes the service degraded, not unready: no other pod could reach it
either, and with all of them gone nobody would answer what needs no store.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from time import monotonic

from retain.errors import RetainError
from retain.manifest import Manifest
from services.answers import Json
from services.preflight import without_champion

LOOK_EVERY_SECONDS = 1.0
SLOW_SECONDS = 2.0
_FIRST_LOOK_SECONDS = 0.5
_TICK_SECONDS = 0.1
log = logging.getLogger("retain.service")

Report = Callable[[str, bool], None]
"""Told the name of a store and whether it answers, whenever that changes."""


def _nobody(_store: str, _answers: bool) -> None:
    """Report to nobody."""


class Lookout:
    """Looks at one store every second, in a thread of its own; whoever asks never waits for it.

    A look that hangs cannot say so: whoever watches over it calls :meth:`tick`. Its ticks are what
    a look's time is counted in, as those of a process that is frozen do not go on.
    """

    def __init__(self, store: str, reach: Callable[[], object], report: Report = _nobody) -> None:
        self.store = store
        self._reach = reach
        self._report = report
        self._looks = False
        self._ticks = 0
        self._lock = Lock()
        self._looked, self._stopping = Event(), Event()
        self._answers: bool | None = None
        self._since = monotonic()
        self._heard: float | None = None
        self._failed = False
        self._reached = False
        self._thread = Thread(target=self._run, name=f"retain-look-{store}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way is left alone."""
        self._stopping.set()

    @property
    def reached(self) -> bool:
        """Whether it ever answered; waits half a second for the very first look."""
        if not self._looked.is_set():
            self._looked.wait(_FIRST_LOOK_SECONDS)
        return self._reached

    @property
    def answers(self) -> bool:
        """Whether it answered when it was looked at last, and not too slowly."""
        return bool(self._answers)

    @property
    def silent_seconds(self) -> float:
        """For how long it has not answered; 0 where it does, and before the first look."""
        heard = self._heard
        silent = self._failed or self._hangs()
        return monotonic() - heard if heard is not None and silent else 0.0

    def detail(self) -> str:
        """What is known of it, without what it said: that may hold names of hosts and users."""
        if self.answers:
            return "reached"
        if not self._reached:
            return "it was not reached yet"
        return f"it has not answered for {monotonic() - self._since:.0f} s"

    def look(self) -> None:
        """Look once."""
        with self._lock:
            self._looks, self._ticks = True, 0
        try:
            self._reach()
        except RetainError as error:
            self._failed = True
            self._end(answers=False, why=error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the store was not reached
            self._failed = True
            self._end(answers=False, why=repr(error))
        else:
            self._reached, self._failed, self._heard = True, False, monotonic()
            self._end(answers=not self._hangs(), why="it took too long")
        finally:
            self._looked.set()

    def tick(self) -> None:
        """Another :data:`_TICK_SECONDS` have passed."""
        with self._lock:
            self._ticks += self._looks
            if self._hangs():
                self._tell(answers=False, why="it took too long")

    def _hangs(self) -> bool:
        return self._looks and self._ticks * _TICK_SECONDS > SLOW_SECONDS

    def _end(self, *, answers: bool, why: str) -> None:
        with self._lock:
            self._looks = False
            self._tell(answers=answers, why=why)

    def _tell(self, *, answers: bool, why: str) -> None:
        if answers == self._answers:
            return
        before, lasted = self._answers, monotonic() - self._since
        self._answers, self._since = answers, monotonic()
        self._report(self.store, answers)
        if not answers:
            log.error("the %s does not answer, answers are degraded: %s", self.store, why)
        elif before is not None:
            log.warning("the %s answers again, after %.1f s", self.store, lasted)

    def _run(self) -> None:
        while True:
            self.look()
            if self._stopping.wait(LOOK_EVERY_SECONDS):
                return


class Readiness:
    """The checks behind ``/readyz``; models and fingerprints were verified at start.

    Args:
        manifests: of the models that are loaded.
        stores: by name, what succeeds where the store answers and raises where not.
        report: told of every change.
    """

    def __init__(
        self,
        manifests: Mapping[str, Manifest],
        stores: Mapping[str, Callable[[], object]],
        report: Report = _nobody,
    ) -> None:
        named = ", ".join(manifest.name for manifest in manifests.values())
        missing = ", ".join(without_champion(manifests))
        self._models = f"{named}; no model for {missing}" if missing else named
        self.lookouts = [Lookout(name, reach, report) for name, reach in stores.items()]
        self._draining = False
        self._stopping = Event()
        self._thread = Thread(target=self._watch, name="retain-look-watch", daemon=True)

    def start(self) -> None:
        """Begin to look at the stores."""
        for one in self.lookouts:
            one.start()
        self._thread.start()

    def stop(self) -> None:
        """Look at no store any more."""
        self._stopping.set()
        for one in self.lookouts:
            one.stop()

    def silent_seconds(self, store: str) -> float:
        """As :attr:`Lookout.silent_seconds` of the store of this name."""
        return next(one for one in self.lookouts if one.store == store).silent_seconds

    def drain(self) -> None:
        """The service is about to end: from now on it is not ready."""
        self._draining = True

    def check(self) -> Json:
        """``ready``, ``degraded`` or ``not_ready``, naming what is missing; never waits."""
        stores = {
            one.store: {"ok": one.reached and one.answers, "detail": one.detail()}
            for one in self.lookouts
        }
        return {
            "status": self._status(all(one["ok"] for one in stores.values())),
            "checks": {
                "models": {"ok": True, "detail": self._models},
                "features": {"ok": True, "detail": "every model's features are computed"},
                **stores,
            },
        }

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            for one in self.lookouts:
                one.tick()

    def _status(self, every_store_answers: bool) -> str:
        if self._draining or not all(one.reached for one in self.lookouts):
            return "not_ready"
        return "ready" if every_store_answers else "degraded"
