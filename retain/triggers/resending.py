"""Sending again: a dead delivery gets its attempts anew, and its contact is counted again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, update

from retain.clock import Clock, from_micros, iso, to_micros
from retain.database import reading, writing
from retain.decisions import store
from retain.decisions.caps import Limiter
from retain.decisions.renewal import renew
from retain.errors import Conflict, NotFound
from retain.triggers.settlement import feedback_id
from retain.triggers.tables import DEAD, PENDING, deliveries

_SHOWN = ("delivery_id", "trigger_id", "customer_id", "action_id", "endpoint", "state", "attempts")


def listed(engine: Engine, states: Sequence[str] = (PENDING, DEAD)) -> list[dict[str, Any]]:
    """Deliveries in these states for a reader, those that were made first in front."""
    columns = [deliveries.c[name] for name in (*_SHOWN, "expires_at", "why")]
    query = select(*columns).where(deliveries.c.state.in_(states))
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(deliveries.c.delivery_id)).mappings().all()
    return [{**row, "expires_at": iso(from_micros(row["expires_at"]))} for row in rows]


@dataclass(frozen=True, slots=True)
class Resending:
    """Sends dead deliveries again, one by one; safe beside a service that is at work."""

    engine: Engine
    limiter: Limiter
    clock: Clock

    def again(self, delivery_id: str) -> None:
        """Have a dead delivery tried from the beginning, under the same id.

        Raises:
            NotFound: there is no such delivery.
            Conflict: it is not dead, has expired, or a limit forbids its action by now.
            StoreUnavailable: nothing was changed.
        """
        this = deliveries.c.delivery_id == delivery_id
        with reading(self.engine) as connection:
            found = connection.execute(select(deliveries).where(this)).first()
        if found is None:
            raise NotFound(
                f"there is no delivery {delivery_id}", remedy="see `retain deliveries list`"
            )
        # who decides for the customer waits, so that no cap is broken meanwhile
        with writing(self.engine, alone=f"customer {found.customer_id}") as connection:
            row = connection.execute(select(deliveries).where(this)).one()
            now = self.clock()
            _require_dead(row, to_micros(now))
            receipt = store.find(connection, row.decision_id)
            if receipt is None:
                raise NotFound(f"the decision {row.decision_id} is not kept any more")
            renew(connection, receipt, feedback_id(delivery_id), self.limiter, now)
            anew = {"state": PENDING, "attempts": 0, "settled": False, "over": False}
            times = {"next_at": to_micros(now), "leased_until": to_micros(now), "done_at": None}
            connection.execute(update(deliveries).where(this).values({**anew, **times}))


def _require_dead(row: Any, now: int) -> None:
    if row.state != DEAD:
        raise Conflict(
            f"delivery {row.delivery_id} is {row.state}",
            remedy="only dead ones can be sent again: see `retain deliveries list --dead`",
        )
    if row.expires_at <= now:
        raise Conflict(
            f"the decision of delivery {row.delivery_id} expired at "
            f"{iso(from_micros(row.expires_at))}",
            remedy="have a new one made: POST /rank",
        )
    if not row.settled:
        raise Conflict(
            f"the contact of delivery {row.delivery_id} was not given back yet",
            remedy="try again in a second, while the service runs",
        )
