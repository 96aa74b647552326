"""The exposition text of all processes whose values are in one folder.

What prometheus-client's ``MultiProcessCollector`` and ``generate_latest`` write, in a twentieth of
their time: theirs takes every key apart and makes an object of every value anew, under the
interpreter's lock, and whoever waits for an answer meanwhile waits for that. Here it is kept
which values make which line, for as long as there are the same keys; a test holds both together.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock

from prometheus_client.utils import floatToGoString

from services.metrics.mapped import MappedFile
from services.metrics.pieces import in_pieces

Labels = tuple[tuple[str, str], ...]
Numbers = Sequence[float]
Merge = Callable[[Numbers, Numbers], float | None]
"""One value of those of several processes and the times they were set; None for none."""

_KEYS = 8_192
"""So many different samples are taken apart once; workers have the same ones."""


def _sum(values: Numbers, _: Numbers) -> float:
    return sum(values)


def _least(values: Numbers, _: Numbers) -> float:
    return min(values)


def _most(values: Numbers, _: Numbers) -> float:
    return max(values)


def _latest(values: Numbers, times: Numbers) -> float | None:
    time, value = max(zip(times, values, strict=True), key=lambda one: one[0])
    return value if time else None


_MERGES: dict[str, Merge] = {
    "sum": _sum,
    # every process has a line of its own
    "all": _sum,
    "min": _least,
    "max": _most,
    "mostrecent": _latest,
}


@dataclass(slots=True)
class _Line:
    """A sample: what its line begins with, and which of all values it is made of."""

    begin: str
    sources: list[int] = field(default_factory=list)


class _Histogram:
    """The lines of a histogram's series; a bucket has what all those before it have, too."""

    def __init__(self, family: str, labels: Labels) -> None:
        self._family, self._labels = family, labels
        self._buckets: dict[float, _Line] = {}
        self._count = _begin(f"{family}_count", labels)
        self.sum = _Line(_begin(f"{family}_sum", labels))

    def bucket(self, bound: float) -> _Line:
        """The bucket of what is less than or equal to ``bound``."""
        line = self._buckets.get(bound)
        if line is None:
            told = (*self._labels, ("le", _told(bound)))
            line = self._buckets[bound] = _Line(_begin(f"{self._family}_bucket", told))
            self._buckets = dict(sorted(self._buckets.items()))
        return line

    def lines(self, values: Numbers) -> Iterable[str]:
        """The text, line by line."""
        count = 0.0
        for line in self._buckets.values():
            count += sum([values[source] for source in line.sources])
            yield f"{line.begin}{_told(count)}\n"
        yield f"{self._count}{_told(count)}\n"
        total = sum([values[source] for source in self.sum.sources])
        yield f"{self.sum.begin}{_told(total)}\n"


class _Family:
    """A family's samples, and its text."""

    def __init__(self, name: str, kind: str, mode: str, says: str) -> None:
        self._name, self._mode = name, mode.removeprefix("live")
        self._merge = _MERGES[self._mode]
        self._lines: dict[tuple[str, Labels], _Line] = {}
        self._histograms: dict[Labels, _Histogram] = {}
        shown = f"{name}_total" if kind == "counter" else name
        says = says.replace("\\", r"\\").replace("\n", r"\n")
        self._head = f"# HELP {shown} {says}\n# TYPE {shown} {kind}\n"
        self._is_histogram = kind == "histogram"

    def add(self, sample: str, labels: dict[str, str], source: int, process: str) -> None:
        """One process has a value of a sample, at ``source`` among all values."""
        if self._is_histogram:
            self._of_histogram(labels).sources.append(source)
            return
        if self._mode == "all":
            labels = {**labels, "pid": process}
        key = sample, tuple(sorted(labels.items()))
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(_begin(*key))
        line.sources.append(source)

    def lines(self, values: Numbers, times: Numbers) -> Iterable[str]:
        """The text, line by line."""
        yield self._head
        for line in self._lines.values():
            told = [values[source] for source in line.sources]
            merged = self._merge(told, [times[source] for source in line.sources])
            if merged is not None:
                yield f"{line.begin}{_told(merged)}\n"
        for series in self._histograms.values():
            yield from series.lines(values)

    def _of_histogram(self, labels: dict[str, str]) -> _Line:
        """The sum or a bucket of a series: counts are not kept, they are what all buckets have."""
        own: Labels = tuple(sorted(pair for pair in labels.items() if pair[0] != "le"))
        series = self._histograms.get(own)
        if series is None:
            series = self._histograms[own] = _Histogram(self._name, own)
        bound = labels.get("le")
        return series.sum if bound is None else series.bucket(float(bound))


class Joined:
    """The families of all processes in ``folder`` whose names begin with ``prefix``."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self._files: dict[Path, MappedFile] = {}
        self._known: list[tuple[Path, int, int]] = []
        self._families: dict[str, _Family] = {}
        self._reading = Lock()

    def render(self) -> bytes:
        """The exposition text.

        Raises:
            ValueError: a file is damaged.
        """
        with self._reading:
            files = self._read()
            known = [(one.path, one.inode, len(one.keys)) for one in files]
            if known != self._known:
                self._families = self._arranged(files)
                self._known = known
            values = [value for one in files for value in one.values]
            times = [time for one in files for time in one.times]
            families = self._families.values()
            lines = (line for family in families for line in family.lines(values, times))
            return "".join(in_pieces(lines)).encode()

    def _read(self) -> list[MappedFile]:
        """Every file there is, in order; one that is removed meanwhile has nothing to tell."""
        found = {}
        for path in sorted(self._folder.glob("*.db")):
            file = self._files.get(path) or MappedFile(path)
            try:
                file.read()
            except FileNotFoundError:
                continue
            found[path] = file
        self._files = found
        return list(found.values())

    def _arranged(self, files: Iterable[MappedFile]) -> dict[str, _Family]:
        """Which values make which lines; a value is counted from the first of the first file."""
        families: dict[str, _Family] = {}
        source = 0
        for file in files:
            kind, *rest = file.path.stem.split("_")
            mode, process = (rest[0] if kind == "gauge" else "sum"), rest[-1]
            for key in in_pieces(file.keys):
                name, sample, labels, says = _taken_apart(key)
                if name.startswith(self._prefix):
                    if name not in families:
                        families[name] = _Family(name, kind, mode, says)
                    families[name].add(sample, labels, source, process)
                source += 1
        return families


@lru_cache(maxsize=_KEYS)
def _taken_apart(key: bytes) -> tuple[str, str, dict[str, str], str]:
    """The family, the sample, its labels and what is said of the family; not to be changed."""
    name, sample, labels, says = json.loads(key)
    return name, sample, labels, says


def _begin(sample: str, labels: Labels) -> str:
    """All of a line that is before its value."""
    if not labels:
        return f"{sample} "
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels))
    return f"{sample}{{{told}}} "


def _told(value: float) -> str:
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
