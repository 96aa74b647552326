"""One look at what the log says of one customer, on SQLite: what the hot path asks first.

The counterpart for many, and on PostgreSQL, is :meth:`retain.eventlog.EventLog.freshness`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

LOOK = (
    "(SELECT since FROM pending_customers WHERE customer_id = ?1), "
    "(SELECT max(ts) FROM events WHERE customer_id = ?1 AND ts <= ?2), "
    "(SELECT component FROM identities WHERE kind = 'customer' AND id = ?1)"
)
"""Columns to select, of the customer ``?1`` at ``?2`` (epoch microseconds)."""
_JOINED = (
    "SELECT EXISTS (SELECT 1 FROM identities WHERE component = ?1 AND kind = 'customer' "
    "AND id <> ?2), "
    "(SELECT max((SELECT max(ts) FROM events WHERE anonymous_id = i.id AND customer_id IS NULL "
    "AND ts <= ?3)) FROM identities AS i WHERE component = ?1 AND kind = 'anonymous')"
)


class Glanced(NamedTuple):
    """What was seen; times in epoch microseconds.

    Attributes:
        since: since when the customer is pending; None where they are not.
        latest: their last event, or the last one of any visitor they were ever joined to.
    """

    since: int | None
    latest: int | None


def joined(
    execute: Callable[[str, tuple[Any, ...]], Any],
    component: str,
    customer_id: str,
    moment: int,
    own: tuple[int | None, int | None],
) -> Glanced | None:
    """What is seen of a customer who was joined to other ids, of whom :data:`LOOK` said ``own``.

    None where it takes more than a glance: another customer is among those ids.
    """
    others, visit = execute(_JOINED, (component, customer_id, moment)).fetchone()
    if others:
        return None
    since, latest = own
    return Glanced(since, visit if latest is None else max(latest, visit or latest))
