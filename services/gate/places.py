"""From a method and a path to the operation they ask for, without a regular expression."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from services.gate.answer import lines
from services.gate.lane import Lane

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An operation as the gate knows it.

    Attributes:
        route: its path template, the label of its metrics.
        lane: where its requests count.
        most_bytes: the longest body it reads.
        headers: what every answer of it carries; ``lines`` are they over the wire.
        late: what a caller is told to do after its deadline.
        behind: how many seconds the event loop may be behind for one to be let in; the less,
            the earlier its requests give way to those of others.
        least: so many are let in all the same, in one turn of the loop.
    """

    route: str
    lane: Lane
    most_bytes: int
    headers: Headers
    late: str = "send the same request again, with more time in X-Request-Timeout-Ms"
    behind: float = inf
    least: int = 1
    lines: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", lines(self.headers))


@dataclass(frozen=True, slots=True)
class _Template:
    method: str
    prefix: str
    suffix: str
    place: Place

    def matches(self, method: str, path: str) -> bool:
        return (
            method == self.method
            and len(path) > len(self.prefix) + len(self.suffix)
            and path.startswith(self.prefix)
            and path.endswith(self.suffix)
        )


class Places:
    """Every operation's place, found by method and path; ``elsewhere`` is that of all others."""

    def __init__(self, places: Iterable[tuple[str, Place]], elsewhere: Place) -> None:
        self._exact: dict[tuple[str, str], Place] = {}
        self._templates: list[_Template] = []
        self._elsewhere = elsewhere
        for method, place in places:
            prefix, named, rest = place.route.partition("{")
            if named:
                suffix = rest.partition("}")[2]
                self._templates.append(_Template(method, prefix, suffix, place))
            else:
                self._exact[method, place.route] = place

    def of(self, method: str, path: str) -> Place:
        """The place of a request; HEAD goes where GET does."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        if method == "HEAD":
            return self.of("GET", path)
        for one in self._templates:
            if one.matches(method, path):
                return one.place
        return self._elsewhere
