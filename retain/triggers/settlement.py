"""Settling deliveries that came to nothing: their contacts are given back, once and surely."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update

from retain.database import in_parts, reading, writing
from retain.triggers.firings import ALONE
from retain.triggers.tables import DEAD, NOT_DELIVERED, PENDING, deliveries


def feedback_id(delivery_id: str) -> str:
    """Under which id of feedback the contact of a delivery is given back."""
    return f"delivery:{delivery_id}"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A delivery that came to nothing, whose contact is to be given back."""

    delivery_id: str
    decision_id: str
    action_id: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is still to be settled."""

    engine: Engine

    def unsettled(self, limit: int = 100) -> list[Unsettled]:
        """Those that came to nothing and whose contacts are still counted."""
        columns = (deliveries.c.delivery_id, deliveries.c.decision_id, deliveries.c.action_id)
        query = select(*columns).where(
            deliveries.c.settled.is_(False), deliveries.c.state.in_(NOT_DELIVERED)
        )
        with reading(self.engine) as connection:
            return [Unsettled(*row) for row in connection.execute(query.limit(limit))]

    def settle(self, delivery_ids: Sequence[str]) -> None:
        """Their contacts are given back."""
        with writing(self.engine, alone=ALONE) as connection:
            for ids in in_parts(delivery_ids):
                these = deliveries.c.delivery_id.in_(ids)
                connection.execute(update(deliveries).where(these).values(settled=True))

    def waiting(self) -> dict[tuple[str, str], int]:
        """How many there are by endpoint and state, of those that were not delivered."""
        query = (
            select(deliveries.c.endpoint, deliveries.c.state, func.count())
            .where(deliveries.c.state.in_((PENDING, DEAD)))
            .group_by(deliveries.c.endpoint, deliveries.c.state)
        )
        with reading(self.engine) as connection:
            return {(one, state): count for one, state, count in connection.execute(query)}
