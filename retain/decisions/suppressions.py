"""Suppressions: channels that a customer closed by feedback, until they consent again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from retain.clock import to_micros
from retain.database import Id, in_parts, metadata
from retain.decisions.constraints import channel_named
from retain.eventlog import events
from retain.prepared import Prepared

# the log may say of the same later or never
suppressions = Table(
    "suppressions",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    # when we last heard of it; rows of an earlier version do not say
    Column("told_at", BigInteger),
    # when else it was closed, separated by spaces: who asks about a moment between knows only that
    Column("others", String),
)

CONSENT = "consent_given"
_ALL_SHUT = select(suppressions).where(
    suppressions.c.customer_id.in_(bindparam("ids", expanding=True))
)
_SHUT = Prepared(_ALL_SHUT)
# a caller's clock may be ahead of ours: what was heard counts, whenever it is said to have been
_SHUT_UNTIL = Prepared(
    _ALL_SHUT.where(
        or_(
            suppressions.c.since <= bindparam("until"),
            suppressions.c.told_at <= bindparam("until"),
            suppressions.c.others.is_not(None),
        )
    )
)
_MOST_OTHERS = 100


def suppress(
    connection: Connection,
    customer_id: str,
    channel: str,
    since: datetime,
    reason: str,
    *,
    told_at: datetime,
) -> None:
    """Close a channel for a customer, until they consent to it after ``since``.

    ``told_at`` is when we heard of it: what was decided before did not know.
    """
    key = (suppressions.c.customer_id == customer_id, suppressions.c.channel == channel)
    at = to_micros(since)
    told: dict[str, Any] = {"told_at": to_micros(told_at)}
    known = connection.execute(select(suppressions).where(*key).with_for_update()).first()
    if known is None:
        made = {"customer_id": customer_id, "channel": channel, "since": at, "reason": reason}
        connection.execute(insert(suppressions).values(**made, **told))
        return
    if at != known.since:
        others = [*(known.others or "").split(), str(min(at, known.since))][-_MOST_OTHERS:]
        told["others"] = " ".join(dict.fromkeys(others))
    if at > known.since:
        told |= {"since": at, "reason": reason}
    connection.execute(update(suppressions).where(*key).values(told))


def told_since(connection: Connection, customer_ids: Sequence[str], since: int) -> set[str]:
    """Why these ids closed a channel, of what we heard at ``since`` or later."""
    heard = func.coalesce(suppressions.c.told_at, suppressions.c.since)
    query = select(suppressions.c.reason).where(heard >= since)
    return {
        reason
        for ids in in_parts(customer_ids)
        for reason in connection.scalars(query.where(suppressions.c.customer_id.in_(ids)))
    }


def closed(
    connection: Connection, owner: Mapping[str, str], until: int | None = None
) -> Iterator[tuple[str, str]]:
    """Ids and channels closed by feedback, unless the customer consented to them since.

    ``owner`` says of every id of these customers whose it is. What came after ``until`` (epoch
    microseconds) does not count.
    """
    ids = {"ids": list(owner)}
    if until is None:
        shut = _SHUT.rows(connection, ids)
    else:
        shut = _SHUT_UNTIL.rows(connection, {**ids, "until": until})
    for row in shut:
        since = row.since
        if until is not None:
            since = last(since, row.told_at, row.others, until)
        if since is None:
            continue
        own = [one for one, whose in owner.items() if whose == owner[row.customer_id]]
        consents = select(events.c.channel).where(
            events.c.customer_id.in_(own),
            events.c.ts > since,
            events.c.type == CONSENT,
        )
        if until is not None:
            consents = consents.where(events.c.ts <= until)
        if not reopened(row.channel, connection.scalars(consents)):
            yield row.customer_id, row.channel


def last(since: int, told_at: int | None, others: str | None, until: int) -> int | None:
    """When a channel was last closed, of what was known at ``until``; None: never before."""
    if since <= until or (told_at is not None and told_at <= until):
        return since
    return max((at for at in map(int, (others or "").split()) if at <= until), default=None)


def reopened(channel: str, consented: Iterable[str | None]) -> bool:
    """Whether one of the channels ``consented`` to since is this one; None is all of them."""
    return any(each is None or channel_named(each) == channel for each in consented)
