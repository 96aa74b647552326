"""Decisions: reserved under caps in one transaction, or previewed; found again by their id."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
)

from retain import clock, ulid
from retain.clock import to_micros
from retain.database import Id, metadata, reading, writing
from retain.decisions import contacts, reservations, spending
from retain.decisions import previews as preview_rows
from retain.decisions.caps import ContactState
from retain.decisions.previews import Carrier, Preview
from retain.decisions.ranking import Ranking
from retain.decisions.receipt import Decision, Evidence, Receipt, write_receipt
from retain.decisions.receipt_text import pack, unpack
from retain.errors import Conflict, NotFound
from retain.group_commit import GroupCommit
from retain.write_behind import WriteBehind

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(26), primary_key=True),
    Column("customer_id", Id, nullable=False),
    Column("idempotency_key", String),
    Column("request_digest", String),
    Column("reserved", Boolean, nullable=False),
    Column("action_id", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
    Index("decisions_by_customer", "customer_id", "at"),
)

# previews have no key: an entry for each would cost as much as the row. Tables that were made
# before this index have a constraint over all rows instead, which says the same.
_KEY = decisions.c.customer_id, decisions.c.idempotency_key
_KEYED: Any = {f"{name}_where": _KEY[1].is_not(None) for name in ("sqlite", "postgresql")}
Index("decisions_by_key", *_KEY, unique=True, **_KEYED)

# made once: for one row, making a statement takes longer than running it
_MADE = insert(decisions)
_REQUESTED = select(decisions.c.receipt, decisions.c.request_digest).where(
    decisions.c.customer_id == bindparam("customer_id"),
    decisions.c.idempotency_key == bindparam("key"),
)

NO_STATE = ContactState()
LAPSE_EVERY = timedelta(seconds=10)


class Decisions:
    """Makes, keeps and finds decisions; safe with several processes on one database.

    Args:
        engine: of the operational store.
        told: hears, in the thread that writes, of how many actions each rule took out of the
            previews that were written here.
        lost: hears of how many previews are never written: too many waited.
    """

    def __init__(
        self,
        engine: Engine,
        told: Callable[[Mapping[str, int]], None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> None:
        self._engine = engine
        self._told = told
        self._carrier: Carrier | None = None
        self._together = GroupCommit(engine)
        self._previews: WriteBehind[Preview | bytes] = WriteBehind(self._write, lost)
        self._lapsed_at: datetime | None = None

    def replay(
        self, customer_id: str, idempotency_key: str, request: Mapping[str, Any]
    ) -> Decision | None:
        """The decision this key got before, so that a retry need not be scored again.

        Raises:
            Conflict: the key was used for another request.
        """
        with reading(self._engine) as connection:
            return _replayed(connection, customer_id, idempotency_key, _digest(request))

    def reserve(
        self,
        ranking: Ranking,
        row: int = 0,
        *,
        request: Mapping[str, Any],
        idempotency_key: str | None = None,
        limit: int = 3,
        evidence: Evidence | None = None,
    ) -> Decision:
        """Decide for one customer and count the contact, durably, before it returns.

        Contacts are counted and the decision is stored in one write transaction, so
        however many ask at once no cap is broken. The first action is reserved; up to
        ``limit - 1`` others are named as what could be done instead.

        Args:
            ranking: actions ranked before caps.
            row: the customer's place in it.
            request: what was asked, as JSON; it must be equal when a key is used again.
            idempotency_key: the caller's key; the same key gets the same decision.
            limit: how many actions to return.
            evidence: models and feature age, for the receipt.

        Raises:
            Conflict: the key was used for another request of this customer.
            StoreUnavailable: nothing was reserved.
        """
        customer_id, digest = ranking.customer_ids[row], _digest(request)
        if ranking.limiter.budgets:
            self._lapse(ranking.now)
        ranking.prepare(row, limit)
        rests_on, decision_id = evidence or Evidence(), ulid.new(ranking.now)

        def written(state: ContactState) -> Receipt:
            return write_receipt(
                decision_id, ranking, row, state, rests_on, limit=limit, reserved=True
            )

        def reserved(connection: Connection) -> Decision:
            if idempotency_key is not None:
                replayed = _replayed(connection, customer_id, idempotency_key, digest)
                if replayed is not None:
                    return replayed
            states = contacts.states(connection, [customer_id], ranking.now, ranking.limiter)
            state = states.get(customer_id, NO_STATE)
            receipt = written(state)
            while not reservations.take(connection, receipt, ranking):
                # somebody took the last of its budget since it was read: the next best
                gone = frozenset({receipt["actions"][0]["action_id"]})
                state = structs.replace(state, exhausted=state.exhausted | gone)
                receipt = written(state)
            connection.execute(_MADE, _as_row(receipt, ranking.now, idempotency_key, digest))
            return Decision(receipt)

        return self._together.run(reserved, alone=f"customer {customer_id}")

    def release(self, decision_id: str, action_id: str, at: datetime) -> bool:
        """Take back a reserved contact that will not be made; False where there is none.

        What was reported as sent stays counted.
        """
        with writing(self._engine, alone="feedback") as connection:
            return reservations.release(connection, decision_id, action_id, at)

    def _lapse(self, now: datetime) -> None:
        """Now and then, give budgets back what lapsed: till then they have less than they could."""
        if self._lapsed_at is not None and now - self._lapsed_at < LAPSE_EVERY:
            return
        self._lapsed_at = now
        with reading(self._engine) as connection:
            due = spending.any_lapsed(connection, now)
        if due:
            with writing(self._engine, alone="budgets") as connection:
                reservations.lapse(connection, now)

    def preview(
        self,
        ranking: Ranking,
        row: int = 0,
        *,
        state: ContactState | None = None,
        evidence: Evidence | None = None,
    ) -> Preview:
        """The same decision without reserving anything.

        Its id says when it was made, also where it was decided as of another moment: who asks
        for it can tell by that whether it may still wait to be written.

        Args:
            ranking: actions ranked before caps.
            row: the customer's place in it.
            state: from :meth:`~retain.decisions.contacts.Contacts.read`; None: no contact made.
            evidence: models and feature age, for the receipt.
        """
        return Preview(
            ulid.new(clock.now()), ranking, row, state or NO_STATE, evidence or Evidence()
        )

    def carry_with(self, carrier: Carrier) -> None:
        """Have ``carrier`` write what it can of previews from now on."""
        self._carrier = carrier

    def record_preview(self, preview: Preview) -> None:
        """Store the receipt within a second, by a thread of its own or another process."""
        parcel = None if self._carrier is None else self._carrier.parcel(preview)
        self._previews.put(preview.decision_id, preview if parcel is None else parcel)

    def get(self, decision_id: str) -> Receipt:
        """The receipt of a decision, as it was written.

        Raises:
            NotFound: there is no such decision.
            StoreUnavailable: the store did not answer.
        """
        waiting = self._previews.get(decision_id)
        if waiting is not None:
            [preview] = self._opened([waiting])
            return preview.receipt()
        with reading(self._engine) as connection:
            receipt = find(connection, decision_id)
        if receipt is None:
            raise NotFound(
                f"there is no decision {decision_id}",
                remedy="take decision_id from the answer of /predict or /rank",
                field="decision_id",
            )
        return receipt

    def flush(self) -> None:
        """Write every preview that waits, now."""
        self._previews.flush()

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._previews.close()

    def _write(self, waiting: list[Preview | bytes]) -> None:
        here, parcels = _apart(waiting)
        if not (parcels and self._carrier is not None and self._carrier.write(parcels)):
            here = self._opened(waiting)
        removed = preview_rows.write(self._engine, here) if here else {}
        if self._told is not None:
            self._told(removed)

    def _opened(self, waiting: list[Preview | bytes]) -> list[Preview]:
        here, parcels = _apart(waiting)
        return here + self._carrier.open(parcels) if parcels and self._carrier else here


def _apart(waiting: list[Preview | bytes]) -> tuple[list[Preview], list[bytes]]:
    here = [one for one in waiting if not isinstance(one, bytes)]
    return here, [one for one in waiting if isinstance(one, bytes)]


def find(connection: Connection, decision_id: str) -> Receipt | None:
    """The receipt of a stored decision, or None, within a transaction."""
    query = select(decisions.c.receipt).where(decisions.c.decision_id == decision_id)
    stored = connection.scalar(query)
    return None if stored is None else unpack(stored)


def _as_row(
    receipt: Receipt, at: datetime, idempotency_key: str | None, digest: str
) -> dict[str, Any]:
    return {
        "decision_id": receipt["decision_id"],
        "customer_id": receipt["customer_id"],
        "idempotency_key": idempotency_key,
        "request_digest": digest,
        "reserved": True,
        "action_id": receipt["actions"][0]["action_id"],
        "at": to_micros(at),
        "receipt": pack(receipt),
    }


def _replayed(
    connection: Connection, customer_id: str, idempotency_key: str, digest: str
) -> Decision | None:
    asked = {"customer_id": customer_id, "key": idempotency_key}
    found = connection.execute(_REQUESTED, asked).first()
    if found is None:
        return None
    if found.request_digest != digest:
        raise Conflict(
            f"the idempotency key {idempotency_key!r} was used for another request",
            remedy="use a new key for a new request",
            field="Idempotency-Key",
        )
    return Decision(unpack(found.receipt))


def _digest(request: Mapping[str, Any]) -> str:
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
