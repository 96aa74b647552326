"""Taking in events: read each by the vocabulary, store what is new, say what became of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from retain.clock import Clock
from retain.envelopes import unwrap
from retain.errors import InvalidInput
from retain.event import Event, SetAside, read_event, to_table
from retain.eventlog import Appended
from services.answers import Json
from services.explanations import Explanations
from services.metrics import Metrics
from services.schemas.base import MAX_EVENTS


class Log(Protocol):
    """The part of the event log that ingesting needs."""

    def append(self, table: Any, *, mark_pending: bool = False) -> Appended:
        """Store the events whose ids are new."""

    def pending_among(self, customer_ids: Sequence[str]) -> set[str]:
        """Those of ``customer_ids`` whose online features do not reflect the log yet."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer, whether nothing was rejected, and whose events were taken."""

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
        clock: Clock,
        metrics: Metrics,
        nudge: Callable[[], None],
    ) -> None:
        self._log = log
        self._known = known
        self._clock = clock
        self._metrics = metrics
        self._nudge = nudge
        self._explanations = Explanations()

    def ingest(self, body: Any, *, dry_run: bool = False) -> Handled:
        """Store the events in ``body``; one result for each, in the order sent.

        A ``dry_run`` stores nothing, and explains in each result how the record was read.

        Raises:
            InvalidInput: there is no event in the body, or there are too many.
            StoreUnavailable: the log did not answer; nothing was stored.
        """
        received_at = self._clock()
        records = records_in(body)
        read = [_read(record, received_at) for record in records]
        events = _first_of_each_id(read)
        if dry_run:
            stored = self._known([event.event_id for event in events])
        else:
            appended = self._log.append(to_table(events), mark_pending=True)
            stored = set(appended.duplicates)
            self._nudge()
        results = list(_results(read, stored))
        if dry_run:
            for result, explanation in zip(
                results, self._explanations.of(records, read), strict=True
            ):
                result["explanation"] = explanation
        else:
            for result in results:
                self._metrics.event(result["status"])
        return Handled(
            {"results": results},
            complete=all(result["status"] != "rejected" for result in results),
            customer_ids=frozenset(e.customer_id for e in events if e.customer_id),
        )

    def reflected(self, customer_ids: Iterable[str]) -> bool:
        """Whether the online features of these customers reflect every event stored.

        Raises:
            StoreUnavailable: the log did not answer.
        """
        return not self._log.pending_among(sorted(customer_ids))


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


def _read(record: Any, received_at: datetime) -> Event | SetAside:
    if not isinstance(record, Mapping):
        return SetAside("not_an_object", "an event is a JSON object")
    if not isinstance(record.get("type", ""), str):
        return SetAside("missing_type", "the type of an event is a text")
    return read_event(unwrap(record), received_at)


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
            yield _result(one.event_id, "rejected", one.reason, one.detail, ())
        else:
            status = "duplicate" if one.event_id in seen else "accepted"
            seen.add(one.event_id)
            yield _result(one.event_id, status, None, None, one.dropped)


def _result(
    event_id: str | None,
    status: str,
    reason: str | None,
    detail: str | None,
    dropped: Sequence[str],
) -> Json:
    return {
        "event_id": event_id,
        "status": status,
        "reason": reason,
        "detail": detail,
        "dropped": list(dropped),
    }
