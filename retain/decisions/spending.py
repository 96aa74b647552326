"""Spending: what budgets have paid for, claimed atomically and corrected by what happened."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    insert,
    select,
    tuple_,
    update,
)

from retain.clock import to_micros
from retain.database import in_parts, metadata, upsert
from retain.decisions.budgets import UNLIMITED, has_room, limits, to_money
from retain.decisions.constraints import Budget
from retain.decisions.state import Spent

# one row per budget and period
spending = Table(
    "budget_spending",
    metadata,
    Column("key", String, primary_key=True),
    Column("micros", BigInteger, nullable=False),
    Column("decisions", BigInteger, nullable=False),
)

# one row per reservation and budget: what it holds now, and what that may become
claims = Table(
    "budget_claims",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("micros", BigInteger, nullable=False),
    Column("decisions", Integer, nullable=False),
    Column("contact_micros", BigInteger, nullable=False),
    Column("expected_micros", BigInteger, nullable=False),
    Column("full_micros", BigInteger, nullable=False),
    Column("discount", Float, nullable=False),
    Column("reward_micros", BigInteger, nullable=False),
    Column("silence_is_sent", Boolean, nullable=False),
    Column("reported", Boolean, nullable=False),
    Column("lapses_at", BigInteger),
    Index("budget_claims_by_lapse", "lapses_at"),
)

_SPENT = select(spending).where(spending.c.key.in_(bindparam("keys", expanding=True)))
_NOTHING = Spent()
AT_ONCE = 200
"""How many claims lapse in one transaction: it is somebody's request that waits for it."""
Pair = tuple[str, str]
"""A decision and its action."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a reservation may cost, in money.

    Attributes:
        contact: of carrying it out once.
        redemption: expected: the probability of conversion x what is then given away.
        conversion: that probability.
        discount: share of the value of a conversion that is given away.
        reward: fixed amount given away on a conversion.
    """

    contact: float
    redemption: float = 0.0
    conversion: float = 0.0
    discount: float = 0.0
    reward: float = 0.0

    @property
    def micros(self) -> int:
        """Contact and expected redemption."""
        return to_money(self.contact) + to_money(self.redemption)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a reservation by now.

    Attributes:
        reported: whether anything says that it was made.
        released: whether it did not reach the customer.
        bounced: whether it was sent for nothing.
        conversions: the value of each; None where that was not told.
    """

    reported: bool
    released: bool = False
    bounced: bool = False
    conversions: Sequence[float | None] = ()


def read(connection: Connection, keys: Sequence[str]) -> dict[str, Spent]:
    """What each of these budgets has spent; those that nothing was spent of are left out."""
    rows = connection.execute(_SPENT, {"keys": keys})
    return {row.key: Spent(row.micros, row.decisions) for row in rows}


def claim(
    connection: Connection,
    decision_id: str,
    action_id: str,
    budgets: Sequence[tuple[str, Budget]],
    cost: Cost,
    *,
    lapses_at: datetime,
    silence_is_sent: bool,
) -> bool:
    """Take ``cost`` from all of these budgets, or False, and nothing, where one lacks room.

    Each is taken by one conditional statement: of two transactions that want the last of a
    budget, one waits for the other and then finds it gone. ``budgets`` come in the order
    everybody takes them; at ``lapses_at`` what was not redeemed comes back, and all of it where
    nobody reported and silence does not mean that the contact was made.
    """
    with connection.begin_nested() as attempt:
        for key, budget in budgets:
            if not _take(connection, key, budget, cost.micros):
                attempt.rollback()
                return False
        redeemed = cost.redemption / cost.conversion if cost.conversion > 0 else cost.redemption
        row = {
            "decision_id": decision_id,
            "action_id": action_id,
            "micros": cost.micros,
            "decisions": 1,
            "contact_micros": to_money(cost.contact),
            "expected_micros": to_money(cost.redemption),
            "full_micros": to_money(redeemed),
            "discount": cost.discount,
            "reward_micros": to_money(cost.reward),
            "silence_is_sent": silence_is_sent,
            "reported": False,
            "lapses_at": to_micros(lapses_at),
        }
        connection.execute(insert(claims), [{**row, "key": key} for key, _ in budgets])
    return True


def reclaim(
    connection: Connection, decision_id: str, action_id: str, declared: Mapping[str, Budget]
) -> bool:
    """Take again from every budget what was given back, or False, where one lacks room.

    ``declared`` are budgets by the part of their key that is the same in every period. After
    False the transaction is to be undone: some may have been taken from.
    """
    this = (claims.c.decision_id == decision_id, claims.c.action_id == action_id)
    query = select(claims).where(*this, claims.c.decisions == 0).order_by(claims.c.key)
    anything = Budget(count=UNLIMITED)
    for row in connection.execute(query.with_for_update()).all():
        budget = declared.get(row.key) or declared.get(row.key.rpartition("/")[0], anything)
        micros = row.contact_micros + row.expected_micros
        if not _take(connection, row.key, budget, micros):
            return False
        again = update(claims).where(*this, claims.c.key == row.key)
        connection.execute(again.values(micros=micros, decisions=1, reported=False))
    return True


def correct(connection: Connection, known: Mapping[Pair, Facts]) -> None:
    """Let claims, by decision and action, hold what they cost by what is known now.

    Corrections are facts: they may take a budget past its limit, and then it has no room.
    """
    for pairs in in_parts(list(known)):
        query = select(claims).where(tuple_(claims.c.decision_id, claims.c.action_id).in_(pairs))
        held = connection.execute(query.with_for_update()).all()
        _hold(connection, [(row, *_worth(row, known[row[0], row[1]])) for row in held])


def lapse(
    connection: Connection, now: datetime, sent: Callable[[Sequence[Pair]], Collection[Pair]]
) -> int:
    """Give back what can no longer be redeemed or sent; returns of how many claims.

    ``sent`` says of which decisions and actions the log tells that they were carried out: it
    is asked of those that nobody reported where silence means that they were not.
    """
    due = select(claims).where(claims.c.lapses_at <= to_micros(now)).limit(AT_ONCE)
    held = connection.execute(due.with_for_update(skip_locked=True)).all()
    told = sent([row[:2] for row in held if not (row.reported or row.silence_is_sent)])
    _hold(connection, [(row, *_lapsed(row, reported=row[:2] in told)) for row in held])
    return len(held)


def any_lapsed(connection: Connection, now: datetime) -> bool:
    """Whether :func:`lapse` has something to give back."""
    due = select(claims.c.key).where(claims.c.lapses_at <= to_micros(now))
    return connection.execute(due.limit(1)).first() is not None


def _take(connection: Connection, key: str, budget: Budget, micros: int) -> bool:
    if not has_room(budget, _NOTHING, micros):
        return False
    amount, count = limits(budget)
    added = upsert(connection, spending).values(key=key, micros=micros, decisions=1)
    taken = connection.execute(
        added.on_conflict_do_update(
            index_elements=["key"],
            set_={"micros": spending.c.micros + micros, "decisions": spending.c.decisions + 1},
            where=(spending.c.micros + micros <= amount) & (spending.c.decisions + 1 <= count),
        ).returning(spending.c.key)
    )
    return taken.first() is not None


def _worth(row: Any, facts: Facts) -> tuple[int, int, bool, int | None]:
    """Millionths, decisions, whether reported, and when it lapses, of a claim by these facts."""
    if facts.released:
        sent = facts.bounced
        return row.contact_micros if sent else 0, int(sent), sent, row.lapses_at
    if facts.conversions:
        redeemed = sum(
            row.full_micros
            if value is None
            else row.reward_micros + to_money(row.discount * max(value, 0.0))
            for value in facts.conversions
        )
        return row.contact_micros + redeemed, 1, True, None
    reported = facts.reported
    if row.lapses_at is None:
        sent = reported or row.silence_is_sent
        return row.contact_micros if sent else 0, int(sent), reported, None
    return row.contact_micros + row.expected_micros, 1, reported, row.lapses_at


def _lapsed(row: Any, *, reported: bool) -> tuple[int, int, bool, None]:
    sent = row.reported or reported or row.silence_is_sent
    most = row.contact_micros if sent else 0
    return min(row.micros, most), row.decisions if sent else 0, row.reported or reported, None


def _hold(connection: Connection, held: Iterable[tuple[Any, int, int, bool, int | None]]) -> None:
    added: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row, micros, decisions, reported, lapses_at in held:
        added[row.key][0] += micros - row.micros
        added[row.key][1] += decisions - row.decisions
        connection.execute(
            update(claims)
            .where(
                claims.c.decision_id == row.decision_id,
                claims.c.action_id == row.action_id,
                claims.c.key == row.key,
            )
            .values(micros=micros, decisions=decisions, reported=reported, lapses_at=lapses_at)
        )
    # in the order claims are made in: who waits for one budget holds none that is asked for first
    for key in sorted(added):
        micros, decisions = added[key]
        if micros or decisions:
            connection.execute(
                update(spending)
                .where(spending.c.key == key)
                .values(
                    micros=spending.c.micros + micros,
                    decisions=spending.c.decisions + decisions,
                )
            )
