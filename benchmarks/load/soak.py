"""A long run at a share of capacity: the worst latencies, memory, and pauses of the collector."""

from collections.abc import Callable
from dataclasses import asdict
from math import inf
from typing import Any

from load.bar import Bar
from load.cases import BY_NAME
from load.contestants import ECHO, RETAIN, Field
from load.job import Job, Outcome, run
from load.watching import Pauses, growth, longest, pauses, watching

SHARE = 0.7
SETTLED_AFTER_SECONDS = 120
SCRAPED_EVERY_SECONDS = 15.0
WORKER = "worker"
_CONNECTIONS = 64


def soak(
    field: Field, minutes: float, capacity: float, progress: Callable[[str], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Pace Retain for so many minutes, and a bare echo for half as long before and after.

    Latency counts from the moment each request was due. The echo says what this machine, its
    other tenants and the client's own clock add; it stands on both sides of the long run, so that
    a machine that changes does so for both. Meanwhile ``/metrics`` is scraped as Prometheus would.
    ``capacity`` is what Retain was seen to answer a second; it is paced at 70 % of that.
    """
    servers, headers = field.servers, field.headers
    rate, seconds = SHARE * capacity, 60.0 * minutes
    bodies = BY_NAME["heads"].bodies(field.customers)

    def paced(name: str, length: float, own: dict[str, str]) -> Outcome:
        progress(f"soak: {name} at {rate:,.0f}/s for {length:,.0f} s")
        port = servers[name].port
        seen = run(Job(port, "/predict", bodies, "paced", _CONNECTIONS, length, 2.0, rate, own))
        progress(f"soak: {name} {seen.latency_ms}, {seen.answered}")
        return seen

    echoes = [paced(ECHO, seconds / 2, {})]
    before = pauses(servers[RETAIN], headers)
    scraped = {"every": SCRAPED_EVERY_SECONDS, "headers": headers}
    with watching(servers[RETAIN], "/metrics", **scraped) as watched:
        ours = paced(RETAIN, seconds, headers)
    after = pauses(servers[RETAIN], headers)
    echoes.append(paced(ECHO, seconds / 2, {}))
    settled = min(SETTLED_AFTER_SECONDS, int(seconds / 5))
    ended = int(seconds)
    worst = max(one.latency_ms["max"] for one in echoes)
    resident, own = (
        growth(watched.memory_mb, settled, ended),
        growth(watched.own_mb, settled, ended),
    )
    bars = [
        Bar("soak, p99.99 in ms", ours.latency_ms["p99.99"], 25, at_most=True),
        Bar("soak, worst over a bare echo's", ours.latency_ms["max"] / worst, 2, at_most=True),
        Bar("soak, answers that were no success", ours.errors + ours.refusals, 0, at_most=True),
        Bar("soak, longest pause in ms (at most)", longest_ms(before, after), 10, at_most=True),
        Bar(_since("soak, memory", settled), _known(resident), 0.05, at_most=True),
        Bar(_since("soak, memory without files", settled), _known(own), 0.05, at_most=True),
    ]
    report = {
        "capacity": capacity,
        "rate": rate,
        "retain": asdict(ours),
        "echo": [asdict(one) for one in echoes],
        "longest_pause_ms_below": longest(before, after),
        "memory_mb": watched.memory_mb,
        "own_mb": watched.own_mb,
        "memory_growth": resident,
        "own_growth": own,
        "scrapes_s": watched.probes_s,
    }
    return report, bars


def longest_ms(before: Pauses | None, after: Pauses | None) -> float:
    """What every pause of the worker's collector in between stayed below, in milliseconds.

    Its helpers' pauses hold nobody up. 0 where it never collected, infinite where that is not told.
    """
    found = longest(before, after)
    return inf if found is None else found.get(WORKER, 0.0)


def _since(what: str, seconds: int) -> str:
    return f"{what}, most above second {seconds}'s"


def _known(share: float | None) -> float:
    return inf if share is None else share
