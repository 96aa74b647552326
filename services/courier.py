"""The courier: takes deliveries to their webhooks, until they arrive or are dead."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol

from retain.clock import Clock, from_micros, iso, to_micros
from retain.errors import RetainError
from retain.triggers.backoff import wait_before
from retain.triggers.declaration import Endpoint
from retain.triggers.deliveries import Deliveries, Delivery
from services.answers import Json
from services.bodies import encode
from services.signatures import headers
from services.trigger_metrics import TriggerMetrics
from services.webhooks import Answered

TYPE = "decision.triggered"
_MARGIN = timedelta(seconds=30)
log = logging.getLogger("retain.service")

Call = Callable[[str, bytes, Mapping[str, str], timedelta], Answered]


class CircuitsOfEndpoints(Protocol):
    """Which endpoints are left alone for now."""

    def room(self, endpoint: str, most: int) -> int:
        """How many attempts may be made now."""

    def succeeded(self, endpoint: str) -> None:
        """It answered."""

    def failed(self, endpoint: str, *, gone: bool = False) -> bool:
        """It failed; returns whether it is left alone from now on."""


class Courier:
    """Attempts at declared endpoints, a few at a time of each so that a slow one holds up none.

    Args:
        deliveries: what there is to deliver.
        endpoints: by name.
        keys: the signing keys of each endpoint.
        circuits: which endpoints are left alone for now.
        call: makes a request.
        clock: says when.
        metrics: are told.

    Attributes:
        done: is called after an attempt: there is room for another.
    """

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        endpoints: Mapping[str, Endpoint],
        keys: Mapping[str, Sequence[bytes]],
        circuits: CircuitsOfEndpoints,
        call: Call,
        clock: Clock,
        metrics: TriggerMetrics,
    ) -> None:
        self.done: Callable[[], None] | None = None
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._keys = keys
        self._circuits = circuits
        self._call = call
        self._clock = clock
        self._metrics = metrics
        self._threads = {
            name: ThreadPoolExecutor(one.at_once, thread_name_prefix=f"webhook-{name}")
            for name, one in endpoints.items()
        }
        self._under_way: dict[str, set[Future[None]]] = {name: set() for name in endpoints}

    def send(self) -> int:
        """Begin with what is due; returns how many attempts were begun.

        Raises:
            StoreUnavailable: nothing more was begun.
        """
        begun = 0
        for name, endpoint in self._endpoints.items():
            self._under_way[name] = {one for one in self._under_way[name] if not one.done()}
            free = endpoint.at_once - len(self._under_way[name])
            if free <= 0 or (room := self._circuits.room(name, free)) <= 0:
                continue
            for one in self._deliveries.take(name, room, endpoint.timeout + _MARGIN):
                made = self._threads[name].submit(self._attempt, name, endpoint, one)
                self._under_way[name].add(made)
                begun += 1
        return begun

    def settle(self) -> None:
        """Wait for the attempts that are under way."""
        for attempts in self._under_way.values():
            for one in list(attempts):
                one.result()

    def close(self) -> None:
        """Finish the attempts that are under way, and begin no more."""
        for one in self._threads.values():
            one.shutdown()

    def _attempt(self, name: str, endpoint: Endpoint, delivery: Delivery) -> None:
        try:
            body = encode(message(delivery))
            signed = headers(delivery.delivery_id, self._clock(), body, self._keys[name])
            given = {**signed, "idempotency-key": delivery.delivery_id}
            given["retain-attempt"] = str(delivery.attempts)
            answered = self._call(endpoint.url, body, given, endpoint.timeout)
            self._metrics.attempt(name, answered.status)
            if answered.accepted:
                self._arrived(name, delivery)
            else:
                self._failed(name, endpoint, delivery, answered)
        except RetainError as error:
            # its lease ends, and it is delivered again under the same id
            log.warning("a delivery to %s could not be noted: %s", name, error)
        except Exception:
            log.exception("an attempt to deliver to %s failed", name)
        finally:
            if self.done is not None:
                self.done()

    def _arrived(self, name: str, delivery: Delivery) -> None:
        now = self._clock()
        self._deliveries.acknowledge([delivery.delivery_id])
        self._circuits.succeeded(name)
        self._metrics.ended(name, "delivered")
        due = max(delivery.known_at, delivery.not_before)
        self._metrics.delivered(delivery.trigger_id, (to_micros(now) - due) / 1e6)

    def _failed(
        self, name: str, endpoint: Endpoint, delivery: Delivery, answered: Answered
    ) -> None:
        if self._circuits.failed(name, gone=answered.gone):
            log.warning("the webhook %s is left alone for a while: %s", name, answered.why)
        if answered.gone or delivery.attempts >= endpoint.attempts:
            self._deliveries.failed(delivery, None, answered.why)
            self._metrics.ended(name, "dead")
            log.error("delivery %s to %s is dead: %s", delivery.delivery_id, name, answered.why)
            return
        wait = wait_before(delivery.attempts, endpoint.first_wait, endpoint.longest_wait)
        asked = min(answered.retry_after or timedelta(), endpoint.longest_wait)
        self._deliveries.failed(delivery, self._clock() + max(wait, asked), answered.why)


def message(delivery: Delivery) -> Json:
    """The body of a webhook: the same at every attempt."""
    return {
        "type": TYPE,
        "timestamp": iso(from_micros(delivery.fired_at)),
        "data": described(delivery),
    }


def described(delivery: Delivery) -> Json:
    """A delivery as webhooks and pulls show it."""
    return {
        "delivery_id": delivery.delivery_id,
        "trigger": delivery.trigger_id,
        "customer_id": delivery.customer_id,
        "fired_at": iso(from_micros(delivery.fired_at)),
        "expires_at": iso(from_micros(delivery.expires_at)),
        "decision": dict(delivery.decision),
    }
