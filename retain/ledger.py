"""The ledger: an append-only record of which model was champion, by whom, on which evidence."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    String,
    Table,
    Text,
    event,
    insert,
    select,
)

from retain.clock import Clock, from_micros, now, to_micros
from retain.database import metadata, reading, writing
from retain.errors import Conflict, InvalidInput

model_ledger = Table(
    "model_ledger",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("head", String, nullable=False, index=True),
    Column("act", String, nullable=False),
    Column("version", String, nullable=False),
    Column("previous", String),
    Column("by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)

_REFUSALS = {
    "sqlite": [
        f"CREATE TRIGGER model_ledger_no_{verb.lower()} BEFORE {verb} ON model_ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        (
            "CREATE OR REPLACE FUNCTION model_ledger_is_append_only() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only' "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        ),
        (
            "CREATE TRIGGER model_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            "ON model_ledger EXECUTE FUNCTION model_ledger_is_append_only()"
        ),
    ],
}
for _dialect, _statements in _REFUSALS.items():
    for _statement in _statements:
        event.listen(
            model_ledger,
            "after_create",
            DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )

PROMOTE = "promote"
ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: at ``at``, ``version`` became champion of ``head`` in place of ``previous``."""

    at: datetime
    head: str
    act: str
    version: str
    previous: str | None
    by: str
    reason: str
    evidence: dict[str, Any]


class Ledger:
    """Reads and appends the ``model_ledger`` table; safe with several writers."""

    def __init__(self, engine: Engine, clock: Clock = now) -> None:
        self._engine = engine
        self._clock = clock

    def champion(self, head: str) -> str | None:
        """The version that answers for ``head``, None before the first promotion."""
        entries = self.history(head)
        return entries[-1].version if entries else None

    def promote(
        self, head: str, version: str, *, by: str, reason: str, evidence: Mapping[str, Any]
    ) -> Entry:
        """Make ``version`` the champion of ``head``.

        Promoting the champion again adds no line and returns the one that stands.

        Raises:
            InvalidInput: ``by`` or ``reason`` is empty.
        """
        _signed(by, reason)
        with writing(self._engine, alone="ledger") as connection:
            entries = _history(connection, head)
            if entries and entries[-1].version == version:
                return entries[-1]
            previous = entries[-1].version if entries else None
            entry = Entry(
                self._clock(), head, PROMOTE, version, previous, by, reason, dict(evidence)
            )
            _append(connection, entry)
        return entry

    def rollback(self, head: str, *, by: str, reason: str) -> Entry:
        """Make the champion before the present one champion again.

        Rolling back twice goes back two promotions: a line that was rolled back is not
        a place to return to.

        Raises:
            InvalidInput: ``by`` or ``reason`` is empty.
            Conflict: there is no earlier champion.
        """
        _signed(by, reason)
        with writing(self._engine, alone="ledger") as connection:
            standing = _standing(_history(connection, head))
            if len(standing) < 2:
                raise Conflict(
                    f"{head} has no earlier champion to go back to",
                    remedy="see `retain models history`",
                )
            entry = Entry(self._clock(), head, ROLLBACK, standing[-2], standing[-1], by, reason, {})
            _append(connection, entry)
        return entry

    def history(self, head: str | None = None) -> list[Entry]:
        """Every line, oldest first; of one head where given."""
        with reading(self._engine) as connection:
            return _history(connection, head)


def _standing(entries: Iterable[Entry]) -> list[str]:
    stack: list[str] = []
    for entry in entries:
        if entry.act == ROLLBACK:
            stack.pop()
        else:
            stack.append(entry.version)
    return stack


def _signed(by: str, reason: str) -> None:
    for field, text in (("by", by), ("reason", reason)):
        if not text.strip():
            raise InvalidInput(
                f"a ledger entry needs {field!r}", remedy="say who and why", field=field
            )


def _append(connection: Connection, entry: Entry) -> None:
    connection.execute(
        insert(model_ledger).values(
            at=to_micros(entry.at),
            head=entry.head,
            act=entry.act,
            version=entry.version,
            previous=entry.previous,
            by=entry.by,
            reason=entry.reason,
            evidence=json.dumps(entry.evidence, sort_keys=True),
        )
    )


def _history(connection: Connection, head: str | None) -> list[Entry]:
    query = select(model_ledger).order_by(model_ledger.c.seq)
    if head is not None:
        query = query.where(model_ledger.c.head == head)
    return [
        Entry(
            from_micros(row.at),
            row.head,
            row.act,
            row.version,
            row.previous,
            row.by,
            row.reason,
            json.loads(row.evidence),
        )
        for row in connection.execute(query)
    ]
