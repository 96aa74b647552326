"""The exposition text of one process, or of all that keep their values in one folder.

Values of a process that has ended stay: a counter must not go backwards because a worker died.
Two kinds go: live gauges, and files in which nothing was ever counted, or a child that fails at
its start again and again would fill the folder.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

from retain.lifeline import is_running
from retain.settings import metrics_folder
from services.metrics.families import PREFIX

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TRIES = 5
_OF_PROCESS = re.compile(r"_(\d+)\.db$")
# a file that was just made has no header yet, one that was just removed is gone
_CHANGING = (FileNotFoundError, struct.error)


def render(registry: CollectorRegistry) -> bytes:
    """``registry``'s families, of all workers together where there are several."""
    # BentoML names a folder for its workers, and prometheus-client then keeps values there
    if ValueClass is MutexValue:
        return generate_latest(registry)
    folder = metrics_folder()
    forget_the_dead(folder)
    for _ in range(_TRIES - 1):
        try:
            return joined(folder)
        except _CHANGING:
            continue
    return joined(folder)


def joined(folder: Path) -> bytes:
    """What all processes have in ``folder``."""
    registry = CollectorRegistry()
    registry.register(_Ours(folder))
    return generate_latest(registry)


def forget_the_dead(folder: Path) -> None:
    """Remove what processes that have ended leave behind and nothing is lost with."""
    files: dict[int, list[Path]] = {}
    for file in folder.glob("*.db"):
        if found := _OF_PROCESS.search(file.name):
            files.setdefault(int(found[1]), []).append(file)
    for process, theirs in files.items():
        if not is_running(process):
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]
            for file in theirs:
                if _is_empty(file):
                    file.unlink(missing_ok=True)


def _is_empty(file: Path) -> bool:
    """Whether nothing but zeros was ever written."""
    try:
        values = list(MmapedDict.read_all_values_from_file(str(file)))  # type: ignore[no-untyped-call]
    except _CHANGING:
        return False
    return not any(value or timestamp for _, value, timestamp, _ in values)


class _Ours(Collector):
    """Values of all workers; libraries keep theirs in the same folder, and those are left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def collect(self) -> Iterator[Metric]:
        """Our own families."""
        everything = MultiProcessCollector(None, self._folder)  # type: ignore[no-untyped-call]
        for family in everything.collect():  # type: ignore[no-untyped-call]
            if family.name.startswith(PREFIX):
                yield family
