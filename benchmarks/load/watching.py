"""What a server's worker is like while it is loaded: memory, probes, pauses."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from load.server import Server, resident

PAUSES = "retain_gc_pause_seconds"
_EVERY_SECONDS = 0.1
_PARTS = 8


@dataclass
class Watched:
    """Samples of a run.

    Attributes:
        memory_mb: resident in the worker, one a second.
        own_mb: what of that is nobody else's and in no file, one a second: pages of files come
            and go as the system likes.
        probes_s: how long every probe took; ``unanswered`` counts those that failed.
    """

    memory_mb: list[float] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)
    probes_s: list[float] = field(default_factory=list)
    unanswered: int = 0

    def growth(self, since: int, until: int | None = None) -> float | None:
        """By which share memory has grown most from second ``since`` to ``until``.

        None where it was not watched for so long.
        """
        return growth(self.memory_mb, since, until)


def growth(samples: Sequence[float], since: int, until: int | None = None) -> float | None:
    """By which share memory has grown most since sample number ``since``; None for none.

    The samples from then on are parted into eight, and the highest of their medians is compared
    with the first: pages that the system takes for a moment and gives back are no growth.
    """
    later = samples[since:until]
    if not later:
        return None
    size = max(len(later) // _PARTS, 1)
    starts = range(0, len(later) - size + 1, size)
    middles = [median(later[start : start + size]) for start in starts]
    return max(middles) / middles[0] - 1.0


@contextmanager
def watching(
    server: Server,
    probe: str = "",
    *,
    every: float = _EVERY_SECONDS,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Watched]:
    """Watch a server's worker until the block ends; ``every`` so many seconds ask ``probe``."""
    watched, over = Watched(), threading.Event()
    worker = server.worker()
    targets = [threading.Thread(target=_sample, args=(worker, watched, over))]
    if probe:
        request = Request(f"http://127.0.0.1:{server.port}{probe}", headers=dict(headers or {}))
        targets.append(threading.Thread(target=_probe, args=(request, every, watched, over)))
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
        watched.own_mb.append(round(own(worker) / 1e6, 1))


def own(process: int) -> int:
    """Bytes of memory that are a process's alone, also where they are swapped out; 0 if gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    told = dict(line.split(":", 1) for line in lines)
    return 1024 * sum(int(told[name].split()[0]) for name in ("RssAnon", "VmSwap") if name in told)


def _probe(request: Request, every: float, watched: Watched, over: threading.Event) -> None:
    while not over.wait(every):
        began = time.perf_counter()
        try:
            with urlopen(request, timeout=5) as answer:  # noqa: S310 - of this machine
                answer.read()
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
