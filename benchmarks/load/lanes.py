"""Connections that load a server: bytes made beforehand out, as little as possible looked at in.

A client that costs more than the server measures itself. So a request is one write of bytes
that exist already, and of an answer only status, length and, where it is a refusal,
``Retry-After`` are read: two microseconds or so each way beside the event loop's own.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from itertools import cycle
from time import perf_counter
from typing import cast

from load.job import Job

REFUSALS = (429, 503)
_TICK_SECONDS = 0.001
_AGAIN_SECONDS = 0.05
_ANSWERS_WITHIN_SECONDS = 10.0
_LENGTH = b"content-length: "


def requests(job: Job) -> list[bytes]:
    """The bytes of every request."""
    headers = {"host": "127.0.0.1", "content-type": "application/json", **job.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    made = []
    for body in map(str.encode, job.bodies):
        head = f"POST {job.path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


class Record:
    """Answers as they come; nothing before ``since`` is counted, nothing due from ``until`` on."""

    def __init__(self, since: float, until: float) -> None:
        self.since, self.until = since, until
        self.ok: list[float] = []
        self.ok_at: list[float] = []
        self.refused: list[float] = []
        self.answered: Counter[str] = Counter()
        self.all_answers = 0

    def add(self, status: int, due: float, done: float) -> None:
        """An answer to what was due at ``due``."""
        self.all_answers += 1
        if done < self.since or done >= self.until:
            return
        self.answered[str(status)] += 1
        if status == 200:
            self.ok.append(done - due)
            self.ok_at.append(done - self.since)
        elif status in REFUSALS:
            self.refused.append(done - due)

    def failed(self, what: str, count: int = 1) -> None:
        """Something that got no answer."""
        if count and perf_counter() >= self.since:
            self.answered[what] += count


class Lane(asyncio.Protocol):
    """One kept connection with at most one request on it."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self.due = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.ready(self)

    def ask(self, request: bytes, due: float) -> None:
        """Send one request, whose latency counts from ``due``."""
        self.due, self.busy = due, True
        if self._transport is not None:
            self._transport.write(request)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        at = data.find(_LENGTH, 0, end)
        if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.find(b"\r", at)]):
            self._received = data
            return
        self._received = b""
        self.busy = False
        status = int(data[9:12])
        if status != 200 and b"connection: close" in data[:end].lower():
            self._load.record.add(status, self.due, perf_counter())
            self.close()  # whoever asks on would lose the request
            return
        self._load.answered(self, status, data[:end])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self.busy:
            self._load.record.failed("lost")
        self._transport, self.busy = None, False
        self._load.lost(self)


class Load:
    """Every connection asks again as soon as it is answered."""

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        self._job, self._loop = job, loop
        self._requests: Iterator[bytes] = cycle(requests(job))
        self._lanes: set[Lane] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        began = perf_counter()
        self.record = Record(began + job.warmup, began + job.warmup + job.seconds)

    async def run(self) -> Record:
        """From the first connection to the last answer."""
        for _ in range(self._job.connections):
            self._connect()
        await asyncio.sleep(self.record.until - perf_counter())
        late = perf_counter() + _ANSWERS_WITHIN_SECONDS
        while any(lane.busy for lane in self._lanes) and perf_counter() < late:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.record.failed("unanswered", sum(lane.busy for lane in self._lanes))
        self._end()
        return self.record

    def ready(self, lane: Lane) -> None:
        """A connection is there."""
        self._lanes.add(lane)
        self._ask(lane)

    def answered(self, lane: Lane, status: int, head: bytes) -> None:  # noqa: ARG002
        """An answer came, and the connection is free."""
        self.record.add(status, lane.due, perf_counter())
        self._ask(lane)

    def lost(self, lane: Lane) -> None:
        """A connection ended; another takes its place."""
        self._lanes.discard(lane)
        self._loop.call_later(_AGAIN_SECONDS, self._connect)

    def _ask(self, lane: Lane) -> None:
        now = perf_counter()
        if now < self.record.until and lane in self._lanes:
            lane.ask(next(self._requests), now)

    def _connect(self) -> None:
        if perf_counter() < self.record.until:
            task = self._loop.create_task(self._connected())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connected(self) -> None:
        try:
            await self._loop.create_connection(lambda: Lane(self), "127.0.0.1", self._job.port)
        except OSError:
            self.record.failed("no connection")
            self._loop.call_later(_AGAIN_SECONDS, self._connect)

    def _end(self) -> None:
        for lane in list(self._lanes):
            lane.busy = False
            lane.close()


class Retrying(Load):
    """Whoever is refused waits as long as the answer says, and up to half of it more or less."""

    def answered(self, lane: Lane, status: int, head: bytes) -> None:
        """An answer came; a refused connection waits before it asks again."""
        if status not in REFUSALS:
            super().answered(lane, status, head)
            return
        self.record.add(status, lane.due, perf_counter())
        wait = retry_after(head) * random.uniform(0.5, 1.5)  # noqa: S311 - spreading, not secrecy
        self._loop.call_later(wait, self._ask, lane)


class Paced(Load):
    """``rate`` requests a second, whatever comes back; what finds no free connection waits."""

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job, loop)
        self._free: deque[Lane] = deque()
        self._waiting: deque[float] = deque()
        self._next = perf_counter() + _AGAIN_SECONDS
        loop.call_later(_AGAIN_SECONDS, self._tick)

    def ready(self, lane: Lane) -> None:
        """A connection is there."""
        self._lanes.add(lane)
        self._take(lane)

    def answered(self, lane: Lane, status: int, head: bytes) -> None:  # noqa: ARG002
        """An answer came, and the connection is free."""
        self.record.add(status, lane.due, perf_counter())
        self._take(lane)

    def lost(self, lane: Lane) -> None:
        """A connection ended; another takes its place."""
        if lane in self._free:
            self._free.remove(lane)
        super().lost(lane)

    def _take(self, lane: Lane) -> None:
        if self._waiting:
            lane.ask(next(self._requests), self._waiting.popleft())
        else:
            self._free.append(lane)

    def _tick(self) -> None:
        now = perf_counter()
        while self._next <= now:
            if self._free:
                self._free.popleft().ask(next(self._requests), self._next)
            else:
                self._waiting.append(self._next)
            self._next += 1.0 / self._job.rate
        if now < self.record.until:
            self._loop.call_later(_TICK_SECONDS, self._tick)

    def _end(self) -> None:
        self.record.failed("unsent", len(self._waiting))
        self._waiting.clear()
        super()._end()


_KINDS: dict[str, type[Load]] = {"closed": Load, "retrying": Retrying, "paced": Paced}


async def drive(job: Job) -> Record:
    """Carry out a job."""
    return await _KINDS[job.mode](job, asyncio.get_running_loop()).run()


def retry_after(head: bytes) -> float:
    """Seconds a refusal asks to wait; one where it does not say."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"retry-after:"):
            return float(line.partition(b":")[2])
    return 1.0
