"""Customers whose online features do not reflect the event log yet.

The marks are written with the events themselves, so that a crash between accepting and
reflecting an event loses nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Table,
    delete,
    func,
    inspect,
    select,
    text,
    update,
)

from retain.clock import now, to_micros
from retain.database import Id, in_parts, metadata, reading, upsert, writing

pending_customers = Table(
    "pending_customers",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    # epoch microseconds; 0: no answer may be without it. Homes of older versions have none of
    # it: :func:`upgrade`
    Column("since", BigInteger, nullable=False, server_default="0"),
    # what the row may lack are events from this number on; 0: it is to be computed as a whole
    Column("first_seq", BigInteger, nullable=False, server_default="0"),
)

_ADDED_SINCE = ("since", "first_seq")
_ADD = "ALTER TABLE pending_customers ADD COLUMN {} BIGINT NOT NULL DEFAULT 0"
# one step of the database for all customers: between steps other threads take turns
_MARK_SQLITE = (
    "INSERT INTO pending_customers (customer_id, seq, since, first_seq) "
    "SELECT value, ?, ?, ? FROM json_each(?) WHERE true ON CONFLICT (customer_id) DO UPDATE SET "
)
_MARKED_SQLITE = (
    "seq = excluded.seq, since = min(since, excluded.since), "
    "first_seq = min(first_seq, excluded.first_seq)"
)
_AGAIN = "first_seq = 0"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many customers wait, and since when the longest has, in epoch microseconds.

    ``since`` leaves out those whose time is not known, because no answer may wait for them.
    """

    customers: int
    since: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Customers to refresh.

    Attributes:
        seqs: the last sequence number marked of each.
        since: since when each waits, in the same order.
        first: the first one that its row may lack; who is not in it is to be computed as a whole.
    """

    seqs: dict[str, int]
    since: list[int]
    first: dict[str, int] = field(default_factory=dict)


class PendingCustomers:
    """Reads and removals of the marks; :func:`mark` makes them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        upgrade(engine)

    def batch(self, limit: int) -> Batch:
        """Those that came first."""
        query = select(pending_customers).order_by(pending_customers.c.seq).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return Batch(
            {row.customer_id: row.seq for row in rows},
            [row.since for row in rows],
            {row.customer_id: row.first_seq for row in rows if row.first_seq},
        )

    def among(self, customer_ids: Sequence[str]) -> set[str]:
        """Those of ``customer_ids`` that are pending."""
        found: set[str] = set()
        column = pending_customers.c.customer_id
        with reading(self._engine) as connection:
            for ids in in_parts(customer_ids):
                found.update(connection.scalars(select(column).where(column.in_(ids))))
        return found

    def backlog(self) -> Backlog:
        """How much there is to do."""
        query = select(func.count(), func.min(func.nullif(pending_customers.c.since, 0)))
        with reading(self._engine) as connection:
            customers, since = connection.execute(query.select_from(pending_customers)).one()
        return Backlog(customers, since)

    def mark(self, customer_ids: Sequence[str], seq: int) -> None:
        """Have these customers written again, although no event of theirs came."""
        if customer_ids:
            with writing(self._engine, alone="pending") as connection:
                mark(connection, customer_ids, seq, again=True)

    def at_once(self) -> None:
        """Let no answer be without what waits now: it waits since a process that is gone."""
        column = pending_customers.c.customer_id
        # locked in the order of mark(), and none that comes meanwhile: see reflected()
        waiting = select(column).where(pending_customers.c.since > 0).order_by(column)
        these = column.in_(waiting.with_for_update())
        with writing(self._engine, alone="pending") as connection:
            connection.execute(update(pending_customers).where(these).values(since=0))

    def reflected(
        self,
        customers: Mapping[str, int],
        read_at: datetime | None = None,
        partly: Collection[str] = (),
    ) -> None:
        """Forget what :meth:`batch` returned at ``read_at``, unless a newer event came since.

        Events that came since are waiting for no longer than that; what is wanted at once stays
        so. Of those in ``partly`` only what new events change was computed: who is to be
        computed as a whole by now still is.
        """
        if not customers:
            return
        # sequence numbers are in the order of commits: what was marked after they were read
        # has a higher one than all of them
        last = max(customers.values())
        with writing(self._engine, alone="pending") as connection:
            for ids in in_parts(sorted(customers)):
                column, first = pending_customers.c.customer_id, pending_customers.c.first_seq
                these = column.in_(ids)
                done = these & (pending_customers.c.seq <= last)
                if some := [one for one in ids if one in partly]:
                    done &= (first > 0) | column.not_in(some)
                if connection.dialect.name == "postgresql":
                    # in the order of mark(), or the two could wait for each other
                    locked = select(column).where(these).order_by(column)
                    connection.execute(locked.with_for_update())
                connection.execute(delete(pending_customers).where(done))
                if read_at is not None:
                    micros = to_micros(read_at)
                    since = pending_customers.c.since
                    late = update(pending_customers).where(these, since > 0, since < micros)
                    connection.execute(late.values(since=micros))


def mark(
    connection: Connection,
    customer_ids: Iterable[str],
    seq: int,
    *,
    first: int = 0,
    whole: Collection[str] = (),
    at_once: Collection[str] = (),
    again: bool = False,
) -> None:
    """Mark these customers pending, in the transaction that stored events up to ``seq``.

    The events begin at ``first``; who is in ``whole``, and everybody where it is 0, is to be
    computed as a whole. Those in ``at_once`` too: no answer may be without what happened to them.
    ``since`` and ``first`` stay the smaller ones, which are those of the first mark. With
    ``again`` a mark that is there stays, but for its becoming one to compute as a whole.
    """
    # in one order: two writers that meet in it wait, and never for each other
    ids, since = sorted({*customer_ids, *at_once}), to_micros(now())
    if not ids:
        return
    marks = [(one, 0 if one in at_once else since, 0 if one in whole else first) for one in ids]
    if connection.dialect.name == "sqlite":
        alike: dict[tuple[int, int], list[str]] = {}
        for one, *how in marks:
            alike.setdefault((how[0], how[1]), []).append(one)
        action = _MARK_SQLITE + (_AGAIN if again else _MARKED_SQLITE)
        for (micros, low), some in alike.items():
            connection.exec_driver_sql(action, (seq, micros, low, json.dumps(some)))
        return
    statement = upsert(connection, pending_customers)
    key, excluded = ["customer_id"], statement.excluded
    marked = {"seq": excluded.seq} | {
        name: func.least(pending_customers.c[name], excluded[name]) for name in _ADDED_SINCE
    }
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=key, set_={"first_seq": 0} if again else marked
        ),
        [
            {"customer_id": one, "seq": seq, "since": waits, "first_seq": low}
            for one, waits, low in marks
        ],
    )


def upgrade(engine: Engine) -> None:
    """Give the table of an older version the columns it lacks; what waits there waits longest.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    with reading(engine) as connection:
        if not _lacks(connection):
            return
    with writing(engine, alone="pending") as connection:
        for name in _lacks(connection):
            connection.execute(text(_ADD.format(name)))


def _lacks(connection: Connection) -> list[str]:
    found = inspect(connection)
    if not found.has_table(pending_customers.name):
        return []
    there = {one["name"] for one in found.get_columns(pending_customers.name)}
    return [name for name in _ADDED_SINCE if name not in there]
