"""What ``POST /events?dry_run=true`` adds to each result: how the record was read."""

from collections.abc import Callable, Sequence
from typing import Any

from retain.event import Event, SetAside
from retain.explanation import explained
from retain.features.touched import Touched
from retain.people import People
from services.answers import Json


class Explanations:
    """Explains records; keeps its engine, which is made when the first one is asked for.

    ``people`` says which customer an id became.
    """

    def __init__(self, people: Callable[[Sequence[str]], People] | None = None) -> None:
        self._touched = Touched()
        self._people = people

    def of(self, records: Sequence[Any], read: Sequence[Event | SetAside]) -> list[Json]:
        """One explanation for each record, in their order."""
        events = [one for one in read if isinstance(one, Event)]
        views, survivors = iter(self._touched.views(events)), self._survivors(events)
        made = []
        for record, one in zip(records, read, strict=True):
            explanation = explained(record, one)
            explanation["feature_views"] = next(views) if isinstance(one, Event) else []
            if isinstance(one, Event) and (into := survivors.get(one.customer_id or "")):
                explanation["customer"] |= {
                    "merged_into": into,
                    "why": f"{one.customer_id} was merged into {into}, whose features it changes",
                }
            made.append(explanation)
        return made

    def _survivors(self, events: Sequence[Event]) -> dict[str, str]:
        ids = sorted({event.customer_id for event in events if event.customer_id})
        return self._people(ids).survivors(ids) if self._people and ids else {}
