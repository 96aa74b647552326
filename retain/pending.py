"""Customers whose online features do not reflect the event log yet.

The marks are written with the events themselves, so that a crash between accepting and
reflecting an event loses nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
)

_ADD_SINCE = "ALTER TABLE pending_customers ADD COLUMN since BIGINT NOT NULL DEFAULT 0"
# one step of the database for all customers: between steps other threads take turns
_MARK_SQLITE = (
    "INSERT INTO pending_customers (customer_id, seq, since) "
    "SELECT value, ?, ? FROM json_each(?) WHERE true ON CONFLICT (customer_id) DO "
)

_MARKED_SQLITE = "UPDATE SET seq = excluded.seq, since = min(since, excluded.since)"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many customers wait, and since when the longest has, in epoch microseconds.

    ``since`` leaves out those whose time is not known, because no answer may wait for them.
    """

    customers: int
    since: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Customers to refresh: the last sequence number marked of each, and since when it waits."""

    seqs: dict[str, int]
    since: list[int]


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
        return Batch({row.customer_id: row.seq for row in rows}, [row.since for row in rows])

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

    def reflected(self, customers: Mapping[str, int], read_at: datetime | None = None) -> None:
        """Forget what :meth:`batch` returned at ``read_at``, unless a newer event came since.

        Events that came since are waiting for no longer than that; what is wanted at once stays so.
        """
        if not customers:
            return
        # sequence numbers are in the order of commits: what was marked after they were read
        # has a higher one than all of them
        last = max(customers.values())
        with writing(self._engine, alone="pending") as connection:
            for ids in in_parts(sorted(customers)):
                column = pending_customers.c.customer_id
                these = column.in_(ids)
                if connection.dialect.name == "postgresql":
                    # in the order of mark(), or the two could wait for each other
                    locked = select(column).where(these).order_by(column)
                    connection.execute(locked.with_for_update())
                connection.execute(
                    delete(pending_customers).where(these, pending_customers.c.seq <= last)
                )
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
    at_once: Collection[str] = (),
    again: bool = False,
) -> None:
    """Mark these customers pending, in the transaction that stored events up to ``seq``.

    Those in ``at_once`` too: no answer may be without what happened to them. ``since`` stays the
    smaller one, which is that of the first mark. With ``again`` a mark that is there stays.
    """
    # in one order: two writers that meet in it wait, and never for each other
    ids, since = sorted({*customer_ids, *at_once}), to_micros(now())
    if not ids:
        return
    if connection.dialect.name == "sqlite":
        action = "NOTHING" if again else _MARKED_SQLITE
        later = [one for one in ids if one not in at_once] if at_once else ids
        for micros, some in ((since, later), (0, sorted(at_once))):
            if some:
                connection.exec_driver_sql(_MARK_SQLITE + action, (seq, micros, json.dumps(some)))
        return
    statement = upsert(connection, pending_customers)
    key, excluded = ["customer_id"], statement.excluded
    smaller = func.least(pending_customers.c.since, excluded.since)
    connection.execute(
        statement.on_conflict_do_nothing(index_elements=key)
        if again
        else statement.on_conflict_do_update(
            index_elements=key, set_={"seq": excluded.seq, "since": smaller}
        ),
        [{"customer_id": one, "seq": seq, "since": 0 if one in at_once else since} for one in ids],
    )


def upgrade(engine: Engine) -> None:
    """Give the table of an older version the column it lacks; what waits there waits longest.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    with reading(engine) as connection:
        if _has_since(connection):
            return
    with writing(engine, alone="pending") as connection:
        if not _has_since(connection):
            connection.execute(text(_ADD_SINCE))


def _has_since(connection: Connection) -> bool:
    found = inspect(connection)
    if not found.has_table(pending_customers.name):
        return True
    return any(one["name"] == "since" for one in found.get_columns(pending_customers.name))
