"""Which event ids the log has: asked by ``/events?dry_run=true``."""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from retain.database import reading
from retain.eventlog import events


def known_events(engine: Engine, event_ids: Sequence[str]) -> set[str]:
    """Those of ``event_ids`` (at most 1,000) that are stored."""
    query = select(events.c.event_id).where(events.c.event_id.in_(event_ids))
    with reading(engine) as connection:
        return set(connection.scalars(query))
