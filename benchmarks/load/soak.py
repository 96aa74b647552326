"""A long run at a share of capacity: the worst latencies, memory, and pauses of the collector."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from load.bar import Bar
from load.cases import BY_NAME
from load.contestants import ECHO, RETAIN, Field
from load.job import Job, Outcome, run
from load.watching import longest, pauses, watching

SHARE = 0.7
SETTLED_AFTER_SECONDS = 120
_CONNECTIONS = 64


def soak(
    field: Field, minutes: float, capacity: float, progress: Callable[[str], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Pace Retain for so many minutes, and a bare echo for half as long before and after.

    Latency counts from the moment each request was due. The echo says what this machine, its
    other tenants and the client's own clock add; it stands on both sides of the long run, so that
    a machine that changes does so for both.
    ``capacity`` is what Retain was seen to answer a second; it is paced at 70 % of that.
    """
    servers, headers = field.servers, field.headers
    rate, seconds = SHARE * capacity, 60.0 * minutes
    bodies = BY_NAME["heads"].bodies(field.customers)

    def paced(name: str, length: float, own: dict[str, str]) -> Outcome:
        progress(f"soak: {name} at {rate:,.0f}/s for {length:,.0f} s")
        port = servers[name].port
        return run(Job(port, "/predict", bodies, "paced", _CONNECTIONS, length, 2.0, rate, own))

    echoes = [paced(ECHO, seconds / 2, {})]
    before = pauses(servers[RETAIN], headers)
    with watching(servers[RETAIN]) as watched:
        ours = paced(RETAIN, seconds, headers)
    collected = longest(before, pauses(servers[RETAIN], headers))
    echoes.append(paced(ECHO, seconds / 2, {}))
    growth = watched.growth(min(SETTLED_AFTER_SECONDS, int(seconds / 5)))
    worst = max(one.latency_ms["max"] for one in echoes)
    bars = [
        Bar("soak, p99.99 in ms", ours.latency_ms["p99.99"], 25, at_most=True),
        Bar("soak, worst over a bare echo's", ours.latency_ms["max"] / worst, 2, at_most=True),
        Bar("soak, answers that were no success", ours.errors + ours.refusals, 0, at_most=True),
    ]
    if collected:
        bars.append(Bar("soak, longest pause in ms", max(collected.values()), 10, at_most=True))
    if growth is not None:
        bars.append(Bar("soak, memory from minute 2 to the end", growth, 0.05, at_most=True))
    report = {
        "rate": rate,
        "retain": asdict(ours),
        "echo": [asdict(one) for one in echoes],
        "longest_pause_ms_below": collected,
        "memory_mb": watched.memory_mb,
        "memory_growth": growth,
    }
    return report, bars
