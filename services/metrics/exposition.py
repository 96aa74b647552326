"""The exposition text of one process, or of all that keep their values in one folder.

Values of a process that has ended stay: a counter must not go backwards because a worker died.
Two kinds go: live gauges, and files in which nothing was ever counted, or a child that fails at
its start again and again would fill the folder.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.values import MutexValue, ValueClass

from retain.lifeline import is_running
from retain.settings import metrics_folder
from services.metrics.families import PREFIX
from services.metrics.joined import Joined
from services.metrics.mapped import MappedFile

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OF_PROCESS = re.compile(r"_(\d+)\.db$")
_OF_THE_LIVING = "gauge_live"


class Exposition:
    """``registry``'s families, of all workers together where there are several.

    Attributes:
        folder: where each of several keeps its values.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._several: _Several | None = None
        self.folder: Path | None = None
        # BentoML names a folder for its workers, and prometheus-client then keeps values there
        if ValueClass is not MutexValue:
            self.folder = metrics_folder()
            self._several = _Several(self.folder)

    def render(self) -> bytes:
        """The text."""
        if self._several is None:
            return generate_latest(self._registry)
        return self._several.render()


class _Several:
    """What all processes have in ``folder``; libraries' own values, there too, are left out."""

    def __init__(self, folder: Path) -> None:
        self._dead = Dead(folder)
        self._joined = Joined(folder, PREFIX)

    def render(self) -> bytes:
        self._dead.forget()
        return self._joined.render()


class Dead:
    """What processes that have ended leave behind in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: set[Path] = set()

    def forget(self) -> None:
        """Remove what nothing is lost with."""
        for file, process in self._files():
            if is_running(process):
                # the number may be that of another by now, which writes on in the same file
                self._kept.discard(file)
            elif file not in self._kept:
                if file.name.startswith(_OF_THE_LIVING) or _is_empty(file):
                    file.unlink(missing_ok=True)
                else:
                    self._kept.add(file)

    def _files(self) -> Iterator[tuple[Path, int]]:
        for file in self._folder.glob("*.db"):
            if found := _OF_PROCESS.search(file.name):
                yield file, int(found[1])


def _is_empty(path: Path) -> bool:
    """Whether nothing but zeros was ever written."""
    file = MappedFile(path)
    try:
        file.read()
    except (FileNotFoundError, ValueError):
        return False
    return not any(file.values) and not any(file.times)
