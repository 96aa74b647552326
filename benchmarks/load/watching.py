"""What a server's worker is like while it is loaded: memory, probes, pauses."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.error import URLError
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from load.server import Server, resident

PAUSES = "retain_gc_pause_seconds"
_EVERY_SECONDS = 0.1


@dataclass
class Watched:
    """Samples of a run.

    Attributes:
        memory_mb: of the worker, one a second.
        probes_s: how long every probe took; ``unanswered`` counts those that failed.
    """

    memory_mb: list[float] = field(default_factory=list)
    probes_s: list[float] = field(default_factory=list)
    unanswered: int = 0

    def growth(self, since: int) -> float | None:
        """By which share memory has grown since second ``since``; None where it was no longer."""
        if len(self.memory_mb) <= since:
            return None
        return self.memory_mb[-1] / self.memory_mb[since] - 1.0


@contextmanager
def watching(server: Server, probe: str = "") -> Iterator[Watched]:
    """Watch a server's worker until the block ends; ``probe`` is asked ten times a second."""
    watched, over = Watched(), threading.Event()
    worker = server.worker()
    targets = [threading.Thread(target=_sample, args=(worker, watched, over))]
    if probe:
        address = f"http://127.0.0.1:{server.port}{probe}"
        targets.append(threading.Thread(target=_probe, args=(address, watched, over)))
    for thread in targets:
        thread.start()
    try:
        yield watched
    finally:
        over.set()
        for thread in targets:
            thread.join()


def _sample(worker: int, watched: Watched, over: threading.Event) -> None:
    while not over.wait(1.0):
        watched.memory_mb.append(round(resident(worker) / 1e6, 1))


def _probe(address: str, watched: Watched, over: threading.Event) -> None:
    while not over.wait(_EVERY_SECONDS):
        began = time.perf_counter()
        try:
            with urlopen(address, timeout=5):  # noqa: S310 - of this machine
                watched.probes_s.append(time.perf_counter() - began)
        except (URLError, OSError):
            watched.unanswered += 1


Pauses = dict[tuple[str, str], float]


def pauses(server: Server, headers: dict[str, str]) -> Pauses | None:
    """Collections of garbage so far, by process and upper bound; None where none are told."""
    request = Request(f"http://127.0.0.1:{server.port}/metrics", headers=headers)
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - of this machine
            text = answer.read().decode()
    except (URLError, OSError):
        return None
    found: Pauses = {}
    for family in text_string_to_metric_families(text):
        if family.name == PAUSES:
            for one in family.samples:
                if one.name.endswith("_bucket"):
                    key = one.labels.get("process", ""), one.labels["le"]
                    found[key] = found.get(key, 0.0) + one.value
    return found or None


def longest(before: Pauses | None, after: Pauses | None) -> dict[str, float] | None:
    """Per process the bound in milliseconds that every pause in between stayed below."""
    if after is None:
        return None
    earlier = before or {}
    found: dict[str, float] = {}
    for process in {process for process, _ in after}:
        counts = sorted(
            (float(bound), count - earlier.get((process, bound), 0.0))
            for (own, bound), count in after.items()
            if own == process
        )
        total = counts[-1][1]
        if total:
            found[process] = next(1e3 * bound for bound, count in counts if count >= total)
    return found
