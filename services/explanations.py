"""What ``POST /events?dry_run=true`` adds to each result: how the record was read."""

from collections.abc import Sequence
from typing import Any

from retain.event import Event, SetAside
from retain.explanation import explained
from retain.features.touched import Touched
from services.answers import Json


class Explanations:
    """Explains records; keeps its engine, which is made when the first one is asked for."""

    def __init__(self) -> None:
        self._touched = Touched()

    def of(self, records: Sequence[Any], read: Sequence[Event | SetAside]) -> list[Json]:
        """One explanation for each record, in their order."""
        views = iter(self._touched.views([one for one in read if isinstance(one, Event)]))
        return [
            explained(record, one)
            | {"feature_views": next(views) if isinstance(one, Event) else []}
            for record, one in zip(records, read, strict=True)
        ]
