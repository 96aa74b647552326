"""Messages in the event log: those that others sent, and what became of ours."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, or_, select, text

from retain.clock import from_micros, to_micros
from retain.decisions.constraints import REMEMBERED_DAYS, channel_named
from retain.decisions.state import Contact, is_released
from retain.logged import OF_MESSAGES, events
from retain.prepared import Prepared

LOOK_BACK_DAYS = 365
_SENT = "message_sent"
OUTCOMES = {
    _SENT: "sent",
    "message_delivered": "delivered",
    "message_opened": "opened",
    "message_clicked": "clicked",
    "message_bounced": "bounced",
    "message_complained": "complained",
    "message_unsubscribed": "unsubscribed",
}
"""By the type of a message's event, the outcome it tells of."""

Pair = tuple[str, str]
"""The decision and the action that a message carried out."""

Row = Sequence[Any]
"""Of an event: customer id, time in epoch microseconds, type, channel, properties."""


class _Says(msgspec.Struct, gc=False):
    """What joins a message to a decision, or its outcomes to it: of any type, as it was sent."""

    decision_id: Any = None
    action_id: Any = None
    message_id: Any = None


_named = lru_cache(maxsize=256)(channel_named)
_DECODE: Callable[[str], _Says] = msgspec.json.Decoder(_Says).decode

# made once: for one customer, making a query takes longer than running it
_MESSAGES = Prepared(
    select(events.c.customer_id, events.c.ts, events.c.type, events.c.channel, events.c.properties)
    .where(
        events.c.customer_id.in_(bindparam("ids", expanding=True)),
        events.c.ts > bindparam("since"),
        events.c.ts <= bindparam("until"),
        text(OF_MESSAGES),
        or_(events.c.type == _SENT, events.c.ts > bindparam("remembered")),
    )
    # what was told in the same instant as the sending came of it, whatever an index has first
    .order_by(events.c.ts, events.c.type != _SENT)
)


def in_turn(row: Row) -> tuple[int, bool]:
    """What rows of events are sorted by, for :func:`told`."""
    return row[1], row[2] != _SENT


def read(
    connection: Connection, customer_ids: Sequence[str], ours: Collection[Pair], now: datetime
) -> tuple[list[tuple[str, Contact]], dict[Pair, dict[str, datetime]]]:
    """Contacts by others, each with its customer id, and the outcomes the log tells of ``ours``.

    Of messages sent, those of a year; of what became of them, 90 days. The first time of each.
    """
    given = {
        "ids": customer_ids,
        "since": to_micros(now - timedelta(days=LOOK_BACK_DAYS)),
        "remembered": to_micros(now - timedelta(days=REMEMBERED_DAYS)),
        "until": to_micros(now),
    }
    return told(_MESSAGES.rows(connection, given), ours)


def told(
    rows: Iterable[Row], ours: Collection[Pair]
) -> tuple[list[tuple[str, Contact]], dict[Pair, dict[str, datetime]]]:
    """What :func:`read` makes of the messages' events, sorted by :func:`in_turn`."""
    of_ours: defaultdict[Pair, dict[str, datetime]] = defaultdict(dict)
    foreign: list[tuple[str, int, str | None, str | None, dict[str, datetime]]] = []
    known: dict[object, dict[str, datetime]] = {}
    pairs: dict[Pair, Pair] = {}
    if ours:
        pairs = {(decision, ""): (decision, one) for decision, one in ours} | {p: p for p in ours}
    for customer_id, ts, kind, channel, written in rows:
        try:
            says = _DECODE(written)
        except msgspec.DecodeError:
            says = _says(written)
        action_id, outcome = says.action_id, OUTCOMES[kind]
        pair = pairs.get((says.decision_id, action_id or "")) if pairs else None
        if pair is not None:
            of_ours[pair].setdefault(outcome, from_micros(ts))
            continue
        key = (says.decision_id, action_id) if says.decision_id else says.message_id
        if outcome == "sent":
            became: dict[str, datetime] = {}
            foreign.append((customer_id, ts, channel, action_id, became))
            if key is not None:
                known.setdefault(key, became)
        elif key in known:
            known[key].setdefault(outcome, from_micros(ts))
    return [
        (
            customer_id,
            Contact(
                from_micros(ts),
                _named(channel) if channel else None,
                action_id,
                None,
                True,
                bool(became) and is_released(became),
                None,
                became,
            ),
        )
        for customer_id, ts, channel, action_id, became in foreign
    ], of_ours


def _says(written: str) -> _Says:
    # numbers that are none, which the standard library writes and reads
    found = json.loads(written)
    return _Says(**{name: found.get(name) for name in _Says.__struct_fields__})
