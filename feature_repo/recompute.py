"""Features computed from the log on request: each customer once, however many ask at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock

import pyarrow as pa

from retain.clock import to_micros
from retain.features.engine import VIEWS, valid_until_name
from retain.features.reader import FeatureReader, Features


@dataclass(eq=False)
class _Flight:
    """A computation that others may wait for."""

    as_of: datetime
    done: Event = field(default_factory=Event)
    features: Features | None = None


class Recompute:
    """Reads of ``reader``; safe to share between threads.

    Customers asked for together are computed together. A customer that is being computed is
    waited for, where the result holds at the moment asked for too.
    """

    def __init__(self, reader: FeatureReader) -> None:
        self._reader = reader
        self._flying: dict[str, _Flight] = {}
        self._lock = Lock()

    def read(
        self, customer_ids: Sequence[str], as_of: datetime, last: Mapping[str, int]
    ) -> list[Features]:
        """Features of ``customer_ids`` at ``as_of``, in parts.

        ``last`` is when each customer's last event up to ``as_of`` was.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        own = _Flight(as_of)
        mine, others = self._divided(customer_ids, own, last)
        parts = []
        if mine:
            try:
                own.features = self._reader.read(mine, as_of)
                parts.append(own.features)
            finally:
                with self._lock:
                    for one in mine:
                        if self._flying.get(one) is own:
                            del self._flying[one]
                own.done.set()
        again = []
        for customer_id, flight in others.items():
            flight.done.wait()
            found = _at(flight.features, customer_id, as_of)
            if found is None:
                again.append(customer_id)
            else:
                parts.append(found)
        if again:
            parts.append(self._reader.read(again, as_of))
        return parts

    def _divided(
        self, customer_ids: Sequence[str], own: _Flight, last: Mapping[str, int]
    ) -> tuple[list[str], dict[str, _Flight]]:
        """Who is computed by this call, and whose computation is waited for."""
        mine: list[str] = []
        others: dict[str, _Flight] = {}
        with self._lock:
            for one in customer_ids:
                flight = self._flying.get(one)
                # nothing happened between the two moments
                if flight and last.get(one, 0) <= to_micros(flight.as_of) <= to_micros(own.as_of):
                    others[one] = flight
                else:
                    mine.append(one)
                    self._flying[one] = own
        return mine, others


def _at(features: Features | None, customer_id: str, as_of: datetime) -> Features | None:
    """One customer of ``features`` as a read at ``as_of``; None where it does not hold then."""
    if features is None or customer_id in features.unknown:
        return None
    ids = features.table.column("customer_id").to_pylist()
    row = features.table.slice(ids.index(customer_id), 1)
    moment = to_micros(as_of)
    ends = (row.column(valid_until_name(view))[0].as_py() for view in VIEWS)
    if any(end is not None and end <= moment for end in ends):
        return None
    place = row.schema.get_field_index("as_of")
    kind = row.schema.field(place)
    row = row.set_column(place, kind, pa.array([moment], pa.int64()).cast(kind.type))
    return Features(row, [], {customer_id: features.features_as_of[customer_id]})
