"""Timers: when a situation falls due, kept in the database so that no restart loses one."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from retain.database import in_parts, upsert
from retain.triggers.tables import timers

AGAIN = ""
"""The trigger of a timer after which a customer is only judged again."""


class Timer(NamedTuple):
    """One per trigger and customer; times are epoch microseconds.

    Attributes:
        anchor: the time of the event the situation rests on, or the moment it comes before.
        since: a goal from then on is a goal of this situation.
    """

    trigger_id: str
    customer_id: str
    anchor: int
    since: int
    due_at: int


_COLUMNS = tuple(timers.c[name] for name in Timer._fields)


def of_customers(
    connection: Connection, customer_ids: Collection[str]
) -> dict[tuple[str, str], Timer]:
    """The timers of these customers, by trigger and customer."""
    found: dict[tuple[str, str], Timer] = {}
    for ids in in_parts(sorted(customer_ids)):
        for row in connection.execute(select(*_COLUMNS).where(timers.c.customer_id.in_(ids))):
            one = Timer(*row)
            found[one.trigger_id, one.customer_id] = one
    return found


def due(connection: Connection, now: int, limit: int) -> list[Timer]:
    """Those that are due, longest first."""
    query = select(*_COLUMNS).where(timers.c.due_at <= now).order_by(timers.c.due_at).limit(limit)
    return [Timer(*row) for row in connection.execute(query)]


def next_due(connection: Connection) -> int | None:
    """When the next one falls due."""
    found: int | None = connection.scalar(select(func.min(timers.c.due_at)))
    return found


def put(connection: Connection, wanted: Iterable[Timer]) -> None:
    """Set these, or move them."""
    rows = [one._asdict() for one in wanted]
    if rows:
        statement = upsert(connection, timers)
        told = {name: statement.excluded[name] for name in ("anchor", "since", "due_at")}
        key = ["trigger_id", "customer_id"]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=told), rows)


def judge_again(connection: Connection, customer_ids: Iterable[str], now: int) -> None:
    """Have these judged at the next look: what fired for them does not count any more."""
    put(connection, [Timer(AGAIN, one, now, now, now) for one in sorted(set(customer_ids))])


def cancel(connection: Connection, gone: Iterable[Timer]) -> None:
    """Forget these."""
    by_trigger: dict[str, list[str]] = {}
    for one in gone:
        by_trigger.setdefault(one.trigger_id, []).append(one.customer_id)
    for trigger_id, customer_ids in by_trigger.items():
        for ids in in_parts(sorted(customer_ids)):
            these = (timers.c.trigger_id == trigger_id) & timers.c.customer_id.in_(ids)
            connection.execute(delete(timers).where(these))


def keep_only(connection: Connection, trigger_ids: Collection[str]) -> None:
    """Forget the timers of triggers that are not declared any more, or not enabled."""
    kept = [AGAIN, *sorted(trigger_ids)]
    connection.execute(delete(timers).where(timers.c.trigger_id.not_in(kept)))
