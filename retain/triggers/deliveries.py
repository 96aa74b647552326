"""Deliveries: decisions on their way to a webhook, or held for who pulls them.

Either way one is *taken* for a while, and is over when it was acknowledged: by a webhook's
status, or by a call. What was taken and not acknowledged can be taken again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, select, update

from retain.clock import Clock, to_micros
from retain.database import in_parts, reading, writing
from retain.triggers import timers
from retain.triggers.declaration import PULL, Triggers
from retain.triggers.firings import ALONE
from retain.triggers.happenings import Owners
from retain.triggers.tables import (
    DEAD,
    DELIVERED,
    EXPIRED,
    FIRED,
    PENDING,
    WITHDRAWN,
    deliveries,
)
from retain.triggers.tables import firings as fired
from retain.triggers.withdrawal import GOAL, end_over, ended_since

Acknowledged = Literal["acknowledged", "duplicate", "unknown", "withdrawn", "expired", "dead"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decision to hand over; ``attempts`` counts this one, times are epoch microseconds."""

    delivery_id: str
    trigger_id: str
    customer_id: str
    endpoint: str
    attempts: int
    since: int
    known_at: int
    fired_at: int
    not_before: int
    expires_at: int
    leased_until: int
    decision: Mapping[str, Any]


_NAMES = tuple(one.name for one in fields(Delivery))
_COLUMNS = tuple(deliveries.c[name] for name in _NAMES)


class Deliveries:
    """Takes and ends deliveries; safe with several processes on one database.

    ``goals`` are event types by action: beside the trigger's, they end what is to be delivered.
    """

    def __init__(
        self,
        engine: Engine,
        triggers: Triggers,
        clock: Clock,
        goals: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._engine = engine
        self._triggers = triggers
        self._clock = clock
        self._goals = goals or {}

    def take(self, endpoint: str, limit: int, lease: timedelta) -> list[Delivery]:
        """Up to ``limit`` deliveries that are due, hidden from others for the time of ``lease``.

        Before it is handed out, a delivery whose goal was reached is withdrawn, by the log as
        it is now; one that has expired, or was taken too often, is ended.

        Raises:
            StoreUnavailable: nothing was taken.
        """
        now = to_micros(self._clock())
        until = now + lease // timedelta(microseconds=1)
        waits = (
            (deliveries.c.endpoint == endpoint)
            & (deliveries.c.state == PENDING)
            & (deliveries.c.next_at <= now)
        )
        query = select(*_COLUMNS).where(waits).order_by(deliveries.c.next_at).limit(limit)
        with reading(self._engine) as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        with writing(self._engine, alone=ALONE) as connection:
            end_over(connection, now)
            taken: list[Delivery] = []
            while len(taken) < limit and (rows := connection.execute(query).all()):
                for row in rows[: limit - len(taken)]:
                    if (why := self._ended(connection, row, now)) is not None:
                        _end(connection, row.delivery_id, *why, now)
                    else:
                        taken.append(_taken(connection, row, until))
        return taken

    def acknowledge(self, delivery_ids: Sequence[str]) -> list[Acknowledged]:
        """Say that these have arrived; one result for each, in order.

        Raises:
            StoreUnavailable: nothing was acknowledged.
        """
        now = to_micros(self._clock())
        with writing(self._engine, alone=ALONE) as connection:
            states: dict[str, Any] = {}
            for ids in in_parts(delivery_ids):
                query = select(deliveries.c.delivery_id, deliveries.c.state).where(
                    deliveries.c.delivery_id.in_(ids)
                )
                states.update((one, state) for one, state in connection.execute(query))
            results: list[Acknowledged] = []
            for one in delivery_ids:
                state = states.get(one)
                if state == PENDING:
                    _set(connection, one, state=DELIVERED, done_at=now)
                    states[one] = DELIVERED
                results.append(_ACKNOWLEDGED.get(state, "unknown"))
        return results

    def failed(self, delivery: Delivery, at: datetime | None, why: str) -> bool:
        """An attempt failed: try again ``at`` this time; False where it is dead (None).

        Raises:
            StoreUnavailable: nothing was noted; it is tried again when its lease is over.
        """
        now = to_micros(self._clock())
        with writing(self._engine, alone=ALONE) as connection:
            if at is None:
                _end(connection, delivery.delivery_id, DEAD, why, now)
            else:
                again = {"next_at": to_micros(at), "leased_until": now, "why": why[:500]}
                _set(connection, delivery.delivery_id, **again)
            end_over(connection, now)
        return at is not None

    def tidy(self) -> int:
        """End what has expired or was withdrawn while it was away; returns how many.

        Raises:
            StoreUnavailable: nothing was ended.
        """
        now = to_micros(self._clock())
        expired = (
            (deliveries.c.state == PENDING)
            & (deliveries.c.expires_at <= now)
            & (deliveries.c.leased_until <= now)
        )
        over = deliveries.c.over & (deliveries.c.state == PENDING)
        with reading(self._engine) as connection:
            query = select(deliveries.c.delivery_id).where(expired | over)
            if connection.execute(query.limit(1)).first() is None:
                return 0
        with writing(self._engine, alone=ALONE) as connection:
            gone = end_over(connection, now)
            why = "nobody took it before it expired"
            ended = update(deliveries).where(expired).values(state=EXPIRED, done_at=now, why=why)
            return gone + connection.execute(ended).rowcount

    def _ended(self, connection: Connection, row: Any, now: int) -> tuple[str, str] | None:
        """The state a delivery that is due ends in instead, and why; None where it is not over."""
        if row.expires_at <= now:
            return EXPIRED, "it expired before it was delivered"
        config = self._triggers.config
        pulled, endpoint = row.endpoint == PULL, config.endpoints.get(row.endpoint)
        if not pulled and endpoint is None:
            return DEAD, f"the endpoint {row.endpoint} is not declared any more"
        if row.attempts >= (config.pull.attempts if endpoint is None else endpoint.attempts):
            return DEAD, f"taken {row.attempts} times and never acknowledged"
        situation = self._triggers.situations.get(row.trigger_id)
        ends = frozenset(config.withdrawn_by) if situation is None else situation.ends
        action_id = json.loads(row.decision)["actions"][0]["action_id"]
        if ends := ends | self._goals.get(action_id, frozenset()):
            owners = Owners.among(connection, [row.customer_id])
            if ended_since(connection, owners, ends, row.since):
                return WITHDRAWN, GOAL
        return None


_ACKNOWLEDGED: dict[Any, Acknowledged] = {
    PENDING: "acknowledged",
    DELIVERED: "duplicate",
    WITHDRAWN: "withdrawn",
    EXPIRED: "expired",
    DEAD: "dead",
}


def _taken(connection: Connection, row: Any, until: int) -> Delivery:
    attempts = row.attempts + 1
    told = {"attempts": attempts, "next_at": until, "leased_until": until}
    _set(connection, row.delivery_id, **told)
    known = dict(zip(_NAMES, row, strict=True)) | {"decision": json.loads(row.decision)}
    return replace(Delivery(**known), attempts=attempts, leased_until=until)


def _set(connection: Connection, delivery_id: str, **told: Any) -> None:
    these = (deliveries.c.delivery_id == delivery_id) & (deliveries.c.state == PENDING)
    connection.execute(update(deliveries).where(these).values(told))


def _end(connection: Connection, delivery_id: str, state: str, why: str, now: int) -> None:
    _set(connection, delivery_id, state=state, done_at=now, why=why[:500])
    if state == WITHDRAWN:
        owner = select(deliveries.c.customer_id).where(deliveries.c.delivery_id == delivery_id)
        timers.judge_again(connection, connection.scalars(owner), now)
        firing_id = select(deliveries.c.firing_id).where(deliveries.c.delivery_id == delivery_id)
        connection.execute(
            update(fired)
            .where(fired.c.firing_id == firing_id.scalar_subquery(), fired.c.state != FIRED)
            .values(state=state, why=why)
        )
