"""Messages in the event log: those that others sent, and what became of ours."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

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
    .order_by(events.c.ts)
)


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
    of_ours: defaultdict[Pair, dict[str, datetime]] = defaultdict(dict)
    foreign: list[tuple[Any, str | None, dict[str, datetime]]] = []
    known: dict[object, dict[str, datetime]] = {}
    pairs = {**{(decision, ""): (decision, one) for decision, one in ours}, **{p: p for p in ours}}
    for row in _MESSAGES.rows(connection, given):
        properties = json.loads(row.properties)
        action_id, outcome = properties.get("action_id"), OUTCOMES[row.type]
        pair = pairs.get((properties.get("decision_id"), action_id or ""))
        if pair is not None:
            of_ours[pair].setdefault(outcome, from_micros(row.ts))
            continue
        key = _key(properties, action_id)
        if outcome == "sent":
            told: dict[str, datetime] = {}
            foreign.append((row, action_id, told))
            if key is not None:
                known.setdefault(key, told)
        elif key in known:
            known[key].setdefault(outcome, from_micros(row.ts))
    return [_by_others(*each) for each in foreign], of_ours


def _key(properties: Any, action_id: str | None) -> object:
    """What joins an outcome to the message it is of, if anything does."""
    if decision_id := properties.get("decision_id"):
        return decision_id, action_id
    return properties.get("message_id")


def _by_others(row: Any, action_id: str | None, told: dict[str, datetime]) -> tuple[str, Contact]:
    channel = channel_named(row.channel) if row.channel else None
    contact = Contact(
        from_micros(row.ts), channel, action_id, released=is_released(told), outcomes=told
    )
    return row.customer_id, contact
