"""Decisions held for who pulls them: taken for a while, then acknowledged."""

from collections.abc import Sequence
from datetime import timedelta

from retain.clock import from_micros, iso
from retain.triggers.declaration import PULL
from retain.triggers.deliveries import Deliveries, Delivery
from services.answers import Json
from services.courier import described
from services.ingest import Handled
from services.metrics import Metrics
from services.metrics.stores import timed

_DONE = ("acknowledged", "duplicate")


class Held:
    """The use case behind ``GET /deliveries`` and its acknowledgement."""

    def __init__(self, deliveries: Deliveries, lease: timedelta, metrics: Metrics) -> None:
        self._take = timed(deliveries.take, metrics, "deliveries", "take")
        self._acknowledge = timed(deliveries.acknowledge, metrics, "deliveries", "acknowledge")
        self._lease = lease

    def take(self, limit: int, lease_seconds: int | None) -> Json:
        """Up to ``limit`` decisions that nobody else has in hand.

        Raises:
            StoreUnavailable: nothing was taken.
        """
        lease = self._lease if lease_seconds is None else timedelta(seconds=lease_seconds)
        taken = self._take(PULL, limit, lease)
        return {"deliveries": [_held(one) for one in taken]}

    def acknowledge(self, delivery_ids: Sequence[str]) -> Handled:
        """One result for each, in the order sent; what was acknowledged is not given out again.

        Raises:
            StoreUnavailable: nothing was acknowledged; send all of it again.
        """
        results = self._acknowledge(delivery_ids)
        told = zip(delivery_ids, results, strict=True)
        return Handled(
            {"results": [{"delivery_id": one, "status": status} for one, status in told]},
            complete=all(status in _DONE for status in results),
        )


def _held(one: Delivery) -> Json:
    more = {"attempt": one.attempts, "leased_until": iso(from_micros(one.leased_until))}
    return {**described(one), **more}
