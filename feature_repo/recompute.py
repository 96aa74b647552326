"""Features computed from the log on request: each customer once, whoever asks together in one go.

A computation costs something whoever is in it, a hundred customers hardly more than one. So one
runs at a time, and who comes meanwhile shares the next one. Looks into the past have a turn of
their own: they may be long, and are in nobody's way.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock

import numpy as np
import pyarrow as pa

from retain.clock import Clock, now, to_micros
from retain.features.engine import FEATURE_SCHEMA, VIEWS, valid_until_name
from retain.features.reader import FeatureReader, Features

_LIVE = timedelta(seconds=1)
Aside = Callable[[], AbstractContextManager[None]]


@dataclass(eq=False)
class _Flight:
    """A computation that others may wait for; ``ids`` and ``as_of`` change until it begins."""

    as_of: datetime
    ids: dict[str, None]
    begun: bool = False
    done: Event = field(default_factory=Event)
    features: Features | None = None


class Recompute:
    """Reads of ``reader``; safe to share between threads.

    Args:
        reader: what computes.
        clock: the real time; moments close to it are answered together, as of the first.
        aside: what a thread does its waiting and computing in, so that others go on.
    """

    def __init__(
        self, reader: FeatureReader, *, clock: Clock = now, aside: Aside = nullcontext
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._aside = aside
        self._turn_now, self._turn_past = Lock(), Lock()
        self._lock = Lock()
        self._next: _Flight | None = None
        self._flying: dict[str, _Flight] = {}

    def read(
        self, customer_ids: Sequence[str], as_of: datetime, last: Mapping[str, int]
    ) -> list[Features]:
        """Features of ``customer_ids`` at ``as_of``, in parts.

        ``last`` is when each customer's last event up to ``as_of`` was.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        with self._aside():
            flights, own = self._boarded(customer_ids, as_of, last)
            if own is not None:
                self._fly(own)
            parts, again = [], []
            for flight, ids in flights.items():
                flight.done.wait()
                found, expired = _at(flight.features, ids, as_of, last)
                parts.append(found)
                again += expired
            if again:
                parts.append(self._reader.read(again, as_of))
            return parts

    def _boarded(
        self, customer_ids: Sequence[str], as_of: datetime, last: Mapping[str, int]
    ) -> tuple[dict[_Flight, list[str]], _Flight | None]:
        """Whose computation has which of the customers; and the one this call has to carry out."""
        flights: dict[_Flight, list[str]] = {}
        own: _Flight | None = None
        with self._lock:
            rest = []
            for one in customer_ids:
                flight = self._flying.get(one)
                if flight is not None and self._serves(flight, as_of, last.get(one, 0)):
                    flights.setdefault(flight, []).append(one)
                else:
                    rest.append(one)
            if rest:
                flight = self._next
                if flight is None or not self._together(flight.as_of, as_of):
                    flight = own = _Flight(as_of, {})
                    if self._next is None:
                        self._next = own
                flight.as_of = min(flight.as_of, as_of)
                flight.ids |= dict.fromkeys(rest)
                flights.setdefault(flight, []).extend(rest)
                self._flying |= dict.fromkeys(rest, flight)
        return flights, own

    def _serves(self, flight: _Flight, as_of: datetime, last: int) -> bool:
        """Whether the result will hold at ``as_of`` too."""
        if not flight.begun and self._together(flight.as_of, as_of):
            return flight.as_of <= as_of
        # nothing happened between the two moments
        return last <= to_micros(flight.as_of) <= to_micros(as_of)

    def _together(self, one: datetime, other: datetime) -> bool:
        """Whether one answer will do: they are the same moment, or both are now."""
        return one == other or min(one, other) > self._clock() - _LIVE

    def _fly(self, own: _Flight) -> None:
        with self._turn_now if own.as_of > self._clock() - _LIVE else self._turn_past:
            with self._lock:
                own.begun = True
                if self._next is own:
                    self._next = None
            try:
                own.features = self._reader.read(list(own.ids), own.as_of)
            finally:
                with self._lock:
                    for one in own.ids:
                        if self._flying.get(one) is own:
                            del self._flying[one]
                own.done.set()


def _at(
    features: Features | None, ids: Sequence[str], as_of: datetime, last: Mapping[str, int]
) -> tuple[Features, list[str]]:
    """What ``features`` say of these customers at ``as_of``, and of whom they do not."""
    if features is None:
        return Features(FEATURE_SCHEMA.empty_table(), [], {}), list(ids)
    rows = {one: row for row, one in enumerate(features.table.column("customer_id").to_pylist())}
    known = [one for one in ids if one in rows]
    table = features.table.take(pa.array([rows[one] for one in known], pa.int64()))
    moment, expired = to_micros(as_of), np.zeros(len(known), dtype=bool)
    for view in VIEWS:
        ends = table.column(valid_until_name(view))
        expired |= ends.fill_null(moment + 1).to_numpy() <= moment
    again = [one for one, over in zip(known, expired, strict=True) if over]
    if again:
        known = [one for one, over in zip(known, expired, strict=True) if not over]
        table = table.filter(pa.array(~expired))
    unknown = [one for one in ids if one not in rows]
    # whose first event came between the two moments
    again += [one for one in unknown if last.get(one)]
    place = table.schema.get_field_index("as_of")
    kind = table.schema.field(place)
    at = pa.array(np.full(len(known), moment)).cast(kind.type)
    return (
        Features(
            rows=table.set_column(place, kind, at),
            unknown=[one for one in unknown if not last.get(one)],
            features_as_of={one: features.features_as_of[one] for one in known},
            merged_into={
                one: features.merged_into[one] for one in known if one in features.merged_into
            },
        ),
        again,
    )
