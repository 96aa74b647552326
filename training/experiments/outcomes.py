"""What exposed customers did within the window after their exposure, metric by metric."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine, literal, select

from retain import labels
from retain.clock import to_micros
from retain.database import reading
from retain.decisions.contacts import contacts
from retain.decisions.feedback import feedback
from retain.duck import connected
from retain.eventlog import EventLog
from retain.features.outcomes import Outcomes
from training.experiments.exposures import Exposures

Floats = NDArray[np.float64]

MICROSECONDS_PER_DAY = 86_400_000_000

TOLD = pa.schema(
    [
        ("customer_id", pa.string()),
        ("at", pa.int64()),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("value", pa.float64()),
    ]
)
"""What messages and feedback say; what has one ``key`` is one fact, however often it was told."""

_OF_EVENTS = {
    "message_sent": "contacts",
    "message_unsubscribed": "unsubscribes",
    "message_complained": "complaints",
    "message_bounced": "bounces",
    "ticket_opened": "service_contacts",
    "call_logged": "service_contacts",
    "chat_ended": "service_contacts",
}
_OF_FEEDBACK = {
    "unsubscribed": "unsubscribes",
    "complained": "complaints",
    "bounced": "bounces",
    "converted": "converted",
}
GUARDED = ("unsubscribes", "complaints", "bounces", "contacts", "service_contacts", "refunds")
_ONCE = frozenset({"unsubscribes", "complaints"})
"""Shares of customers; the others are counts per customer."""

_COUNTED = f"""
    SELECT e.row, t.kind, count(DISTINCT t.key) AS times, coalesce(sum(t.value), 0) AS value
    FROM exposed AS e JOIN (SELECT DISTINCT ON (kind, key) * FROM told) AS t
        ON t.customer_id = e.customer_id
        AND t.at >= e.at AND t.at <= e.at + $days * {MICROSECONDS_PER_DAY}
    GROUP BY ALL
"""
_EVENTS = (
    "SELECT customer_id, epoch_us(ts) AS at, CASE type {kinds} END AS kind, "
    "coalesce(properties->>'decision_id' || '/' || coalesce(properties->>'action_id', ''), "
    "event_id) AS key, NULL::DOUBLE AS value "
    "FROM events WHERE customer_id IS NOT NULL AND kind IS NOT NULL AND epoch_us(ts) >= {start}"
)


def measure(
    exposures: Exposures, orders: pa.Table, told: pa.Table, window_days: int
) -> dict[str, Floats]:
    """Each metric of n exposures, (n,): ``conversion``, ``revenue`` and those of :data:`GUARDED`.

    A conversion is an order within the window; of a customer without one, the conversions that
    feedback told count, with their value. Revenue is net of returns within the window.

    Args:
        exposures: n of them.
        orders: ``customer_id, ts, is_order, value``, as :func:`retain.labels.outcomes` reads it.
        told: :data:`TOLD`.
        window_days: from the exposure on.
    """
    at = pa.array(exposures.at, pa.int64()).cast(pa.timestamp("us", "UTC"))
    keys = pa.table({"customer_id": pa.array(exposures.customer_id, pa.string()), "as_of": at})
    ordered = labels.outcomes(keys, orders, window_days)
    conversion = 1.0 - ordered.column("churned").to_numpy(zero_copy_only=False).astype(np.float64)
    revenue = ordered.column("net_revenue").to_numpy(zero_copy_only=False).astype(np.float64)
    returned = _returns(orders)
    found = _counted(exposures, pa.concat_tables([told, returned]), window_days)
    times, value = found.pop("converted")
    silent = conversion == 0
    conversion = np.where(silent, np.minimum(times, 1.0), conversion)
    revenue = np.where(silent, revenue + value, revenue)
    guarded = {
        name: np.minimum(count, 1.0) if name in _ONCE else count
        for name, (count, _) in found.items()
    }
    return {"conversion": conversion, "revenue": revenue, **guarded}


def told_by(engine: Engine, facts: Outcomes, start: datetime, until: datetime) -> pa.Table:
    """:data:`TOLD` of everybody from ``start`` on: messages, feedback and our own contacts."""
    kinds = " ".join(f"WHEN '{kind}' THEN '{name}'" for kind, name in _OF_EVENTS.items())
    events = facts.sql(_EVENTS.format(kinds=kinds, start=to_micros(start))).cast(TOLD)
    ours = list(_feedback(engine, start, until))
    people = EventLog(engine).people(sorted({row["customer_id"] for row in ours}))
    for row in ours:
        row["customer_id"] = people.customer(row["customer_id"])
    return pa.concat_tables([events, pa.Table.from_pylist(ours, schema=TOLD)])


def _feedback(engine: Engine, start: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    bounds = (to_micros(start), to_micros(until))
    key = feedback.c.decision_id + "/" + feedback.c.action_id
    told = select(
        feedback.c.customer_id,
        feedback.c.occurred_at.label("at"),
        feedback.c.outcome.label("kind"),
        key.label("key"),
        feedback.c.value,
    ).where(feedback.c.occurred_at.between(*bounds), feedback.c.outcome.in_(list(_OF_FEEDBACK)))
    made = select(
        contacts.c.customer_id,
        contacts.c.at,
        literal("contacts").label("kind"),
        (contacts.c.decision_id + "/" + contacts.c.action_id).label("key"),
    ).where(contacts.c.at.between(*bounds), contacts.c.released.is_(False))
    with reading(engine) as connection:
        for row in connection.execute(told).mappings():
            yield {**row, "kind": _OF_FEEDBACK[row["kind"]]}
        for row in connection.execute(made).mappings():
            yield {**row, "value": None}


def _returns(orders: pa.Table) -> pa.Table:
    query = (
        "SELECT customer_id, epoch_us(ts) AS at, 'refunds' AS kind, "
        "'return ' || row_number() OVER () AS key, NULL::DOUBLE AS value "
        "FROM orders WHERE NOT is_order"
    )
    with connected() as connection:
        connection.register("orders", orders)
        return connection.sql(query).to_arrow_table().cast(TOLD)


def _counted(
    exposures: Exposures, told: pa.Table, window_days: int
) -> dict[str, tuple[Floats, Floats]]:
    """Per kind, how often it was told of each exposure and the sum of its values, each (n,)."""
    rows = len(exposures)
    exposed = pa.table(
        {
            "row": pa.array(np.arange(rows)),
            "customer_id": pa.array(exposures.customer_id, pa.string()),
            "at": pa.array(exposures.at),
        }
    )
    found = {name: (np.zeros(rows), np.zeros(rows)) for name in (*GUARDED, "converted")}
    with connected() as connection:
        connection.register("exposed", exposed)
        connection.register("told", told)
        counted = connection.execute(_COUNTED, {"days": window_days}).fetchnumpy()
    for name, (times, value) in found.items():
        here = np.asarray(counted["kind"]) == name
        times[counted["row"][here]] = counted["times"][here]
        value[counted["row"][here]] = counted["value"][here]
    return found
