"""Readiness: models loaded and verified, fingerprints matching, every store reached once.

A store that dies later makes the service degraded, not unready: no other pod could reach it
either, and with all of them gone nobody would answer what needs no store.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread
from time import monotonic

from retain.errors import RetainError
from retain.manifest import Manifest
from services.answers import Json
from services.preflight import without_champion

LOOK_EVERY_SECONDS = 1.0
SLOW_SECONDS = 2.0
_FIRST_LOOK_SECONDS = 0.5
log = logging.getLogger("retain.service")

Report = Callable[[str, bool], None]
"""Told the name of a store and whether it answers, whenever that changes."""


def _nobody(_store: str, _answers: bool) -> None:
    """Report to nobody."""


class Lookout:
    """Looks at one store every second, in a thread of its own; whoever asks never waits for it."""

    def __init__(self, store: str, reach: Callable[[], object], report: Report = _nobody) -> None:
        self.store = store
        self._reach = reach
        self._report = report
        self._began: float | None = None
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
        began = self._began
        hanging = began is not None and monotonic() - began > SLOW_SECONDS
        return bool(self._answers) and not hanging

    @property
    def silent_seconds(self) -> float:
        """For how long it has not answered; 0 where it does, and before the first look."""
        began, heard = self._began, self._heard
        hanging = began is not None and monotonic() - began > SLOW_SECONDS
        return monotonic() - heard if heard is not None and (hanging or self._failed) else 0.0

    def detail(self) -> str:
        """What is known of it, without what it said: that may hold names of hosts and users."""
        if self.answers:
            return "reached"
        if not self._reached:
            return "it was not reached yet"
        return f"it has not answered for {monotonic() - self._since:.0f} s"

    def look(self) -> None:
        """Look once."""
        self._began = monotonic()
        try:
            self._reach()
        except RetainError as error:
            self._failed = True
            self._tell(answers=False, why=error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the store was not reached
            self._failed = True
            self._tell(answers=False, why=repr(error))
        else:
            self._reached, self._failed, self._heard = True, False, monotonic()
            slow = monotonic() - self._began > SLOW_SECONDS
            self._tell(answers=not slow, why="it took too long")
        finally:
            self._began = None
            self._looked.set()

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

    def start(self) -> None:
        """Begin to look at the stores."""
        for one in self.lookouts:
            one.start()

    def stop(self) -> None:
        """Look at no store any more."""
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

    def _status(self, every_store_answers: bool) -> str:
        if self._draining or not all(one.reached for one in self.lookouts):
            return "not_ready"
        return "ready" if every_store_answers else "degraded"
