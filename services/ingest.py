"""Taking in events: read each by the vocabulary, store what is new, say what became of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from retain.clock import Clock, iso
from retain.decisions.unheard import unheard
from retain.envelopes import unwrap
from retain.errors import InvalidInput
from retain.event import Event, SetAside, read_event, to_row
from retain.eventlog import Row
from retain.fields import COMMON_SPELLINGS
from retain.people import People
from services.answers import Json
from services.event_writer import Stored
from services.explanations import Explanations
from services.metrics import Metrics
from services.schemas.base import MAX_EVENTS


class Log(Protocol):
    """The part of the event log that ingesting needs."""

    def pending_among(self, customer_ids: Sequence[str]) -> set[str]:
        """Those of ``customer_ids`` whose online features do not reflect the log yet."""


class Writer(Protocol):
    """What stores events."""

    def submit(self, rows: Sequence[Row]) -> Future[Stored]:
        """Have rows of distinct ids stored."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Events that were read and are being stored; ``stored`` is done when they are durable."""

    read: Sequence[Event | SetAside]
    stored: Future[Stored]


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer, whether nothing was rejected, and whose features the events may change."""

    answer: Json
    complete: bool
    customer_ids: frozenset[str] = frozenset()


class Ingest:
    """The use case behind ``POST /events``."""

    def __init__(
        self,
        *,
        log: Log,
        known: Callable[[Sequence[str]], set[str]],
        writer: Writer,
        clock: Clock,
        metrics: Metrics,
        people: Callable[[Sequence[str]], People] | None = None,
    ) -> None:
        self._log = log
        self._known = known
        self._writer = writer
        self._clock = clock
        self._metrics = metrics
        self._explanations = Explanations(people)

    def ingest(self, body: Any, *, dry_run: bool = False) -> Handled:
        """All of it, for a caller that can wait; raises as the parts it is made of."""
        return self.explain(body) if dry_run else self.finish(self.begin(body))

    def begin(self, body: Any) -> Begun:
        """Read the events in ``body`` and have them stored; never waits for the store.

        Raises:
            InvalidInput: there is no event in the body, or there are too many.
            Overloaded: too many events wait to be stored.
        """
        read = self._read(records_in(body), sent_in(body))
        rows = [to_row(event) for event in _first_of_each_id(read)]
        return Begun(read, self._writer.submit(rows) if rows else _nothing())

    def finish(self, begun: Begun) -> Handled:
        """One result for each event, in the order sent, once they are stored.

        Raises:
            StoreUnavailable: the log did not answer; nothing was stored.
        """
        stored = begun.stored.result()
        results = list(_results(begun.read, set(stored.known)))
        for status, times in Counter(result["status"] for result in results).items():
            self._metrics.event(status, times)
        return _handled(begun.read, results, stored.touched)

    def explain(self, body: Any) -> Handled:
        """What would become of the events in ``body``, and how each was read; stores nothing.

        Raises:
            InvalidInput: as :meth:`begin`.
            StoreUnavailable: the log did not answer.
        """
        records = records_in(body)
        read = self._read(records, sent_in(body))
        stored = self._known([event.event_id for event in _first_of_each_id(read)])
        results = list(_results(read, stored))
        explained = self._explanations.of(records, read)
        for result, explanation in zip(results, explained, strict=True):
            result["explanation"] = explanation
        return _handled(read, results)

    def reflected(self, customer_ids: Iterable[str]) -> bool:
        """Whether the online features of these customers reflect every event stored.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        return not self._log.pending_among(sorted(customer_ids))

    def _read(self, records: Sequence[Any], sent_at: Any) -> list[Event | SetAside]:
        received_at = self._clock()
        return [_read(record, sent_at, received_at) for record in records]


def records_in(body: Any) -> list[Any]:
    """The records of a batch: under ``events`` or ``batch``, a bare list, or one event.

    Raises:
        InvalidInput: none, too many, or not a list at all.
    """
    field = "events"
    if isinstance(body, Mapping):
        field = next((name for name in ("events", "batch") if name in body), "")
        body = body[field] if field else [body]
    if not isinstance(body, list):
        raise InvalidInput(
            "the body is not a list of events",
            remedy='send {"events": [...]}, a bare list, or one event',
            field=field,
        )
    if not 1 <= len(body) <= MAX_EVENTS:
        raise InvalidInput(
            f"{len(body):,} events were sent",
            remedy=f"send 1 to {MAX_EVENTS:,} at once",
            field=field or "events",
        )
    return body


def sent_in(body: Any) -> Any:
    """When a batch says that it was sent, for those of its records that do not say it."""
    return _sent(body) if isinstance(body, Mapping) else None


def _sent(named: Mapping[str, Any]) -> Any:
    given = (named.get(name) for name in COMMON_SPELLINGS["sent_at"])
    return next((one for one in given if one not in (None, "")), None)


def _read(record: Any, sent_at: Any, received_at: datetime) -> Event | SetAside:
    if not isinstance(record, Mapping):
        return SetAside("not_an_object", "an event is a JSON object")
    if not isinstance(record.get("type", ""), str):
        return SetAside("missing_type", "the type of an event is a text")
    plain = unwrap(record)
    if sent_at is not None and _sent(plain) is None:
        plain = {**plain, "sent_at": sent_at}
    return read_event(plain, received_at, live=True)


def _nothing() -> Future[Stored]:
    done: Future[Stored] = Future()
    done.set_result(Stored())
    return done


def _handled(
    read: Sequence[Event | SetAside], results: list[Json], touched: frozenset[str] = frozenset()
) -> Handled:
    return Handled(
        {"results": results},
        complete=all(result["status"] != "rejected" for result in results),
        # who was named also where the event was known: it may not be reflected yet
        customer_ids=touched.union(
            one.customer_id for one in read if isinstance(one, Event) and one.customer_id
        ),
    )


def _first_of_each_id(read: Iterable[Event | SetAside]) -> list[Event]:
    first: dict[str, Event] = {}
    for one in read:
        if isinstance(one, Event):
            first.setdefault(one.event_id, one)
    return list(first.values())


def _results(read: Iterable[Event | SetAside], stored: set[str]) -> Iterable[Json]:
    seen = set(stored)
    for one in read:
        if isinstance(one, SetAside):
            yield {
                "event_id": one.event_id,
                "status": "rejected",
                "reason": one.reason,
                "detail": one.detail,
                "dropped": [],
                "corrected_from": None,
                "warnings": [],
            }
        else:
            status = "duplicate" if one.event_id in seen else "accepted"
            seen.add(one.event_id)
            yield {
                "event_id": one.event_id,
                "status": status,
                "reason": None,
                "detail": None,
                "dropped": list(one.dropped),
                "corrected_from": iso(one.corrected_from) if one.corrected_from else None,
                "warnings": list(unheard(one)),
            }
