"""One customer's contacts on SQLite, in one statement: what a preview on the hot path asks.

The counterpart for many, within a transaction and on PostgreSQL, is
:meth:`retain.decisions.contacts.Contacts.read`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from retain.clock import MICROSECONDS_PER_DAY, from_micros, to_micros
from retain.decisions import contacts, goals, messages, suppressions
from retain.decisions.caps import Limiter
from retain.decisions.constraints import REMEMBERED_DAYS
from retain.decisions.state import Contact, ContactState, Spent
from retain.logged import OF_MESSAGES
from retain.one.log_file import LogFile

_MESSAGE, _CONTACT, _SUPPRESSION = range(3)
_OF_CONTACT = ", ".join(column.name for column in contacts.contacts.columns)
_COLUMNS = 10
_YEAR = contacts.LOOK_BACK_DAYS * MICROSECONDS_PER_DAY
_REMEMBERED = REMEMBERED_DAYS * MICROSECONDS_PER_DAY
_EVERYTHING = f"""
SELECT {_MESSAGE}, customer_id, ts, type, channel, properties, NULL, NULL, NULL, NULL{{0}}
FROM events WHERE customer_id = ?1 AND ts > ?2 - {_YEAR} AND ts <= ?2 AND {OF_MESSAGES}
AND (type = 'message_sent' OR ts > ?2 - {_REMEMBERED})
UNION ALL SELECT {_CONTACT}, {_OF_CONTACT}{{0}} FROM contacts
WHERE customer_id = ?1 AND at > ?2 - {_YEAR} AND made_at <= ?2
UNION ALL SELECT {_SUPPRESSION}, channel, since, told_at, others, NULL, NULL, NULL, NULL, NULL{{0}}
FROM suppressions
WHERE customer_id = ?1 AND (since <= ?2 OR told_at <= ?2 OR others IS NOT NULL)
"""


def query_of(columns: int = _COLUMNS) -> str:
    """What to select of the customer ``?1`` at ``?2`` (epoch microseconds), in so many columns.

    Rows of a year and of what is remembered are told apart by the first column, which is never
    NULL; each kind has a type and a reach of its own in every column after it.
    """
    return _EVERYTHING.format(", NULL" * (columns - _COLUMNS))


_CONSENTED = (
    "SELECT channel FROM events WHERE customer_id = ? AND ts > ? AND ts <= ? "
    f"AND type = '{suppressions.CONSENT}'"
)
_OF_EVENT = slice(1, 6)
_NONE: frozenset[str] = frozenset()


class ContactsOfOne:
    """What contacts were made with customers never joined to another one; waits for nobody."""

    def __init__(self, engine: Engine, limiter: Limiter) -> None:
        self._file = LogFile(engine)
        self._limiter = limiter

    def of(
        self, customer_id: str, now: datetime, rows: Sequence[tuple[Any, ...]]
    ) -> ContactState | None:
        """The customer's state; None where there was no contact in a year.

        What was decided after ``now``, and what closed or opened a channel, is not known then.
        Budgets, suppressions taken back and goals are read after the contacts: a moment later,
        where somebody writes meanwhile.

        Args:
            customer_id: whose.
            now: the moment.
            rows: what :func:`query_of` selects of the customer at that moment.

        Raises:
            StoreUnavailable: the file cannot be read at once.
        """
        moment = to_micros(now)
        spent = self._spent(now) if self._limiter.budgets else {}
        if not rows:
            return ContactState(spent=spent) if spent else None
        made = _made(rows)
        told = [row for row in rows if row[0] == _SUPPRESSION]
        closed = self._closed(customer_id, told, moment) if told else _NONE
        if not made and not closed and not spent:
            return None
        wanted = goals.after(self._limiter, made, now)
        reached = self._reached(customer_id, sorted(wanted), moment) if wanted else {}
        return ContactState(made, closed, reached, spent)

    def _closed(
        self, customer_id: str, told: Sequence[tuple[Any, ...]], moment: int
    ) -> frozenset[str]:
        found = set()
        for _, channel, closed, told_at, others, *_ in told:
            since = suppressions.last(closed, told_at, others, moment)
            if since is None:
                continue
            consented = self._file.rows(_CONSENTED, (customer_id, since, moment))
            if not suppressions.reopened(channel, (one for (one,) in consented)):
                found.add(channel)
        return frozenset(found)

    def _reached(self, customer_id: str, types: Sequence[str], moment: int) -> dict[str, datetime]:
        query = (
            "SELECT type, max(ts) FROM events WHERE customer_id = ? AND ts > ? AND ts <= ? "
            f"AND type IN ({_places(types)}) GROUP BY type"
        )
        found = self._file.rows(query, (customer_id, moment - _REMEMBERED, moment, *types))
        return {kind: from_micros(ts) for kind, ts in found}

    def _spent(self, now: datetime) -> dict[str, Spent]:
        keys = self._limiter.budgets.keys(now)
        query = f"SELECT key, micros, decisions FROM budget_spending WHERE key IN ({_places(keys)})"
        return {key: Spent(micros, many) for key, micros, many in self._file.rows(query, keys)}


def _made(rows: Sequence[tuple[Any, ...]]) -> tuple[Contact, ...]:
    sent = [row[_OF_EVENT] for row in rows if row[0] == _MESSAGE]
    sent.sort(key=messages.in_turn)
    if len(sent) == len(rows):
        of_others, _ = messages.told(sent, ())
        return tuple([contact for _, contact in of_others])
    ours = [row[1:_COLUMNS] for row in rows if row[0] == _CONTACT]
    of_others, of_ours = messages.told(sent, contacts.pairs(ours))
    return tuple(contact for _, contact in [*of_others, *contacts.told(ours, of_ours)])


def _places(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
