"""Goals: the events after which an action that follows another has lost its point."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from retain.clock import to_micros
from retain.decisions.caps import Limiter
from retain.decisions.constraints import REMEMBERED_DAYS
from retain.decisions.state import Contact
from retain.eventlog import events
from retain.prepared import Prepared


def after(limiter: Limiter | None, made: Iterable[Contact], now: datetime) -> frozenset[str]:
    """The goals to look for where these contacts were made: none where nothing follows them."""
    if limiter is None or not (wanted := limiter.catalogue.goal_events):
        return frozenset()
    followed = limiter.catalogue.followed
    for one in made:
        within = followed.get(one.action_id or "")
        if within is not None and now - max((one.at, *one.outcomes.values())) <= within:
            return wanted
    return frozenset()


def read(
    connection: Connection, customer_ids: Sequence[str], goals: frozenset[str], now: datetime
) -> Sequence[Any]:
    """The last time, ``ts``, of each event type among ``goals``, by customer."""
    since = to_micros(now - timedelta(days=REMEMBERED_DAYS))
    given = {"ids": customer_ids, "since": since, "until": to_micros(now)}
    return _reached(goals).rows(connection, given)


@cache
def _reached(goals: frozenset[str]) -> Prepared:
    return Prepared(
        select(events.c.customer_id, events.c.type, func.max(events.c.ts).label("ts"))
        .where(
            events.c.customer_id.in_(bindparam("ids", expanding=True)),
            events.c.ts > bindparam("since"),
            events.c.ts <= bindparam("until"),
            events.c.type.in_(sorted(goals)),
        )
        .group_by(events.c.customer_id, events.c.type)
    )
