"""Events, predictions and probes at fixed rates, whatever the service makes of them.

Open loop: every request has the moment it is due, and its latency counts from there, so that a
service that stalls is seen to stall. A lost or refused request of events is sent again, with
the same ids, until it is acknowledged.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from load.connections import Connections, Lost

AGAIN_AFTER_SECONDS = 0.2
GRACE_SECONDS = 60.0
"""For what is unanswered at the end; a killed worker takes a while to come back."""
SHARE_OF_POLLS = 0.6
_TICK_SECONDS = 0.01
_KINDS = (
    ("product_viewed", {"product_id": "sku-17", "category": "lunch bags", "price": 3.75}),
    ("product_viewed", {"product_id": "sku-18", "category": "candles", "price": 12.0}),
    ("page_viewed", {"url": "https://shop.example/"}),
    ("product_added", {"product_id": "sku-17", "quantity": 1, "price": 3.75}),
    ("message_opened", {"message_id": "m-1", "campaign_id": "autumn"}),
)


@dataclass
class Seen:
    """What the load observed; latencies and lags in seconds."""

    events: list[float] = field(default_factory=list)
    predictions: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    sent_again: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    never_visible: int = 0

    def failed(self, what: str) -> None:
        """Count an answer that was no success."""
        self.failures[what] = self.failures.get(what, 0) + 1


@dataclass
class _Probe:
    customer_id: str
    accepted_at: float


class Traffic:
    """The load on one service."""

    def __init__(
        self,
        events_to: Connections,
        predictions_to: Connections,
        customers: Sequence[str],
        *,
        events: int,
        batch: int,
        predictions: int,
        probes: float,
    ) -> None:
        self.seen = Seen()
        self._events_to, self._predictions_to = events_to, predictions_to
        self._customers = customers
        self._events, self._batch = events, batch
        self._predictions, self._probes = predictions, probes
        self._random = random.Random(7)  # noqa: S311 - nobody guesses customers
        self._open: deque[_Probe] = deque()
        self._count = 0
        self._run = f"{time.time_ns():x}"
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Everything, for so long; returns once the last answer is there."""
        streams = [(self._events / self._batch, self._send), (self._predictions, self._ask)]
        if self._probes:
            streams.append((self._probes, self._probe))
        await asyncio.gather(*(self._drive(rate, send, seconds) for rate, send in streams))
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
                self.seen.failed("not answered in time")
            await asyncio.gather(*late, return_exceptions=True)
        await self._poll_the_rest()
        self.seen.never_visible = len(self._open)

    async def _poll_the_rest(self) -> None:
        """Ask for the probes that were sent too late to be asked for among the predictions."""
        deadline = time.monotonic() + GRACE_SECONDS
        while self._open and time.monotonic() < deadline:
            await self._ask(time.perf_counter())
            await asyncio.sleep(_TICK_SECONDS)

    async def _drive(
        self, rate: float, send: Callable[[float], Awaitable[None]], seconds: float
    ) -> None:
        began, sent = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - began) < seconds:
            while sent < elapsed * rate:
                task = asyncio.ensure_future(self._guarded(send, began + sent / rate))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                sent += 1
            await asyncio.sleep(_TICK_SECONDS)

    async def _guarded(self, send: Callable[[float], Awaitable[None]], due: float) -> None:
        try:
            await send(due)
        except (Lost, OSError) as error:
            self.seen.failed(f"{send.__name__.strip('_')}: {type(error).__name__}")

    async def _send(self, due: float) -> None:
        await self._report([self._event() for _ in range(self._batch)])
        self.seen.events.append(time.perf_counter() - due)

    async def _probe(self, _due: float) -> None:
        event = self._event()
        await self._report([event])
        self._open.append(_Probe(event["customer_id"], time.time()))

    async def _report(self, events: list[dict[str, Any]]) -> None:
        body = json.dumps({"events": events} if len(events) > 1 else events[0]).encode()
        while True:
            try:
                status, answer = await self._events_to.post("/events", body)
            except (Lost, OSError):
                status, answer = 0, b""
            if status == 200:
                break
            self.seen.sent_again += 1
            if status:
                self.seen.failed(f"events: {status}")
            await asyncio.sleep(AGAIN_AFTER_SECONDS)
        for event, result in zip(events, json.loads(answer)["results"], strict=True):
            self.seen.duplicates += result["status"] == "duplicate"
            self.seen.acknowledged[event["event_id"]] = event["customer_id"]

    async def _ask(self, due: float) -> None:
        probe = None
        if self._open and self._random.random() < SHARE_OF_POLLS:
            probe = self._open.popleft()
        customer = probe.customer_id if probe else self._random.choice(self._customers)
        body = json.dumps({"customer_id": customer}).encode()
        try:
            status, answer = await self._predictions_to.post("/predict", body)
        except (Lost, OSError):
            status, answer = 0, b""
        done = time.perf_counter()
        if status != 200:
            self.seen.failed(f"predict: {status or 'lost'}")
        else:
            self.seen.predictions.append(done - due)
        if probe is not None:
            if status == 200 and _computed(answer) >= probe.accepted_at:
                self.seen.visible.append(max(0.0, time.time() - probe.accepted_at))
            else:
                self._open.append(probe)

    def _event(self) -> dict[str, Any]:
        self._count += 1
        kind, properties = self._random.choice(_KINDS)
        return {
            "event_id": f"{self._run}-{self._count}",
            "type": kind,
            "customer_id": self._random.choice(self._customers),
            "timestamp": datetime.now(UTC).isoformat(),
            "channel": "web",
            "properties": properties,
        }


def _computed(answer: bytes) -> float:
    said = json.loads(answer)["features_as_of"]
    return datetime.fromisoformat(said).timestamp() if said else 0.0
