"""More than a server can do: what it still does, how it refuses, and how it recovers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from load.bar import Bar
from load.cases import BY_NAME
from load.contestants import RETAIN, Field
from load.job import Job, run
from load.watching import watching

STEPS = (1, 2, 4, 8, 16, 32)
_ENOUGH = 0.95
_ITSELF = 0.9
_TENTHS = 5
_FLOODING = 1_000
_MANY = 600
_AFTER_SECONDS = 6.0


class Overload:
    """What is done to Retain; ``seconds`` is how long each kind lasts."""

    def __init__(self, field: Field, progress: Callable[[str], None], seconds: float) -> None:
        self._server, self._headers = field.servers[RETAIN], field.headers
        self._bodies = BY_NAME["heads"].bodies(field.customers)
        self._progress, self._seconds = progress, seconds

    def run(self) -> tuple[dict[str, Any], list[Bar]]:
        """Saturate, overload with clients that heed a refusal, and flood with some that do not."""
        clients, capacity, steps = self._saturate()
        crowd, bars = self._crowd(3 * clients, capacity)
        # few of so few clients are refused, where answers are quick: more show how it refuses
        many = max(_MANY, 3 * clients)
        throng, refusing = self._crowd(many, capacity, aspired=True)
        flood, more = self._flood(capacity)
        report = {
            "clients": clients,
            "capacity": capacity,
            "by_clients": steps,
            "crowd": crowd,
            "throng": throng,
            "flood": flood,
        }
        return report, [*bars, *refusing, *more]

    def _job(self, mode: str, connections: int, seconds: float, **more: Any) -> Job:
        return Job(
            self._server.port,
            BY_NAME["heads"].path,
            self._bodies,
            mode,
            connections,
            seconds,
            headers=self._headers,
            **more,
        )

    def _saturate(self) -> tuple[int, float, dict[int, float]]:
        """The fewest clients that have (nearly) all there is, and how much that is."""
        rates = {}
        for clients in STEPS:
            rates[clients] = run(self._job("closed", clients, 5.0)).rate
            self._progress(f"{RETAIN} with {clients} clients: {rates[clients]:,.0f}/s")
        most = max(rates.values())
        fewest = next(clients for clients, rate in rates.items() if rate >= _ENOUGH * most)
        return fewest, most, rates

    def _crowd(
        self, clients: int, capacity: float, *, aspired: bool = False
    ) -> tuple[dict[str, Any], list[Bar]]:
        self._progress(f"overload: {clients} clients for {self._seconds:.0f} s")
        with watching(self._server, "/livez") as watched:
            seen = run(self._job("retrying", clients, self._seconds))
        ended = time.perf_counter()
        after = self._job("closed", max(clients // 3, 1), _AFTER_SECONDS, warmup=0.0)
        began = time.perf_counter()
        calm = run(after)
        back = recovered(calm.ok_per_tenth, _ITSELF * capacity)
        recovery = float("inf") if back is None else began - ended + back
        called = f"overload, {clients} clients:"
        # who refuses nobody refuses at once
        p99 = seen.refusal_ms.get("p99", 0.0)
        bars = [
            Bar(f"{called} goodput over capacity", seen.rate / capacity, 0.85, aspired=aspired),
            Bar(f"{called} p99 of {seen.refusals:,} refusals in ms", p99, 100, True, aspired),
            Bar(f"{called} seconds until it is itself again", recovery, 2, True, aspired),
            Bar(f"{called} neither success nor refusal", seen.errors, 0, at_most=True),
        ]
        report = {
            "clients": clients,
            "overloaded": asdict(seen),
            "recovery_s": recovery,
            "memory_mb": watched.memory_mb,
        }
        return report, bars

    def _flood(self, capacity: float) -> tuple[dict[str, Any], list[Bar]]:
        rate = 2 * capacity
        self._progress(f"flood: {rate:,.0f}/s for {self._seconds:.0f} s, whatever is answered")
        with watching(self._server, "/livez") as watched:
            seen = run(self._job("paced", _FLOODING, self._seconds, rate=rate))
        growth = watched.growth(int(self._seconds / 5))
        slowest = max(watched.probes_s, default=float("inf"))
        bars = [
            Bar("flood, probes without an answer", watched.unanswered, 0, at_most=True),
            # a report of its own, and no bar of the issue: what is left for who is served
            Bar("flood, goodput over capacity", seen.rate / capacity, 0.5, aspired=True),
        ]
        if growth is not None:
            bars.append(Bar("flood, memory from a fifth of it on", growth, 0.05, at_most=True))
        report = {
            "rate": rate,
            "flooded": asdict(seen),
            "probe_p99_ms": _p99(watched.probes_s),
            "probe_max_ms": round(1e3 * slowest, 1),
            "probes_unanswered": watched.unanswered,
            "memory_mb": watched.memory_mb,
            "memory_growth": growth,
        }
        return report, bars


def recovered(ok_per_tenth: Sequence[int], rate: float) -> float | None:
    """Seconds until half a second goes by at ``rate`` a second or more; None where none does."""
    for start in range(len(ok_per_tenth) - _TENTHS + 1):
        if sum(ok_per_tenth[start : start + _TENTHS]) * 10 / _TENTHS >= rate:
            return start / 10
    return None


def _p99(seconds: Sequence[float]) -> float | None:
    if not seconds:
        return None
    return round(1e3 * float(np.percentile(seconds, 99, method="higher")), 1)
