"""One look at what the log says of one customer, on SQLite: what the hot path asks first.

The counterpart for many, and on PostgreSQL, is :meth:`retain.eventlog.EventLog.freshness`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

_LOOK = (
    "(SELECT since FROM pending_customers WHERE customer_id = {0}), "
    "(SELECT max(ts) FROM events WHERE customer_id = {0} AND ts <= ?2), "
    "(SELECT component FROM identities WHERE kind = 'customer' AND id = {0})"
)
LOOK = _LOOK.format("?1")
"""Columns to select, of the customer ``?1`` at ``?2`` (epoch microseconds)."""
LOOK_AT_MANY = _LOOK.format("value")
"""The same of every ``value``."""
_JOINED = (
    "EXISTS (SELECT 1 FROM identities WHERE component = {0} AND kind = 'customer' AND id <> {1}), "
    "(SELECT max((SELECT max(ts) FROM events WHERE anonymous_id = i.id AND customer_id IS NULL "
    "AND ts <= {2})) FROM identities AS i WHERE component = {0} AND kind = 'anonymous')"
)
_ONE_JOINED = "SELECT " + _JOINED.format("?1", "?2", "?3")
JOINED_MANY = "SELECT {id}, {found} FROM json_each(?1)".format(
    id="value ->> 1", found=_JOINED.format("value ->> 0", "value ->> 1", "?2")
)
"""Of pairs of a component and a customer in it: whether another customer is in it, and the last
visit of any visitor in it."""


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
    others, visit = execute(_ONE_JOINED, (component, customer_id, moment)).fetchone()
    if others:
        return None
    since, latest = own
    return Glanced(since, visit if latest is None else max(latest, visit or latest))
