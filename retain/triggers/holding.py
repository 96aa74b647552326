"""Holding decisions for delivery: what was decided of a firing, kept with the end of the firing."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from retain import ulid
from retain.clock import from_micros, parse_utc, to_micros
from retain.database import writing
from retain.decisions.actions import NONE
from retain.triggers import firings
from retain.triggers.declaration import Situation
from retain.triggers.firings import ALONE, Firing
from retain.triggers.tables import DECIDED, NOTHING, PENDING, WITHDRAWN, deliveries
from retain.triggers.withdrawal import GOAL


def hold(
    engine: Engine, firing: Firing, answer: Mapping[str, Any], situation: Situation, now: int
) -> bool:
    """Keep the answer of ``/rank`` to a firing; False where there is nothing to hand over.

    Raises:
        StoreUnavailable: nothing was kept; the firing still waits.
    """
    nothing = answer["actions"][0]["action_id"] == NONE
    row = {} if nothing else _row(firing, answer, situation, now)
    with writing(engine, alone=ALONE) as connection:
        state = NOTHING if nothing else DECIDED
        decided = firings.settle(
            connection, firing.firing_id, state, decision_id=answer["decision_id"]
        )
        if nothing or (not decided and _is_held(connection, firing.firing_id)):
            return False
        if not decided:
            # its goal was reached while it was decided: the contact is to be given back
            row |= {"over": True, "state": WITHDRAWN, "why": GOAL, "done_at": now}
        connection.execute(insert(deliveries).values(row))
    return decided


def _row(
    firing: Firing, answer: Mapping[str, Any], situation: Situation, now: int
) -> dict[str, Any]:
    action = answer["actions"][0]
    send_at = to_micros(parse_utc(action["send_at"], field="send_at"))
    not_before = now if situation.trigger.hand_over == "at_once" else max(now, send_at)
    return {
        "delivery_id": ulid.new(from_micros(now)),
        "firing_id": firing.firing_id,
        "trigger_id": firing.trigger_id,
        "customer_id": answer.get("merged_into") or answer["customer_id"],
        "decision_id": answer["decision_id"],
        "action_id": action["action_id"],
        "endpoint": situation.trigger.deliver_to,
        "state": PENDING,
        "over": False,
        "since": firing.since,
        "known_at": firing.known_at,
        "fired_at": firing.fired_at,
        "not_before": not_before,
        "expires_at": to_micros(parse_utc(action["expires_at"], field="expires_at")),
        "attempts": 0,
        "next_at": not_before,
        "leased_until": now,
        "settled": False,
        "decision": json.dumps(answer, separators=(",", ":"), allow_nan=False),
    }


def _is_held(connection: Connection, firing_id: str) -> bool:
    query = select(deliveries.c.delivery_id).where(deliveries.c.firing_id == firing_id)
    return connection.execute(query).first() is not None
