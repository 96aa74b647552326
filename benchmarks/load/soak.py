"""A long run at a share of capacity: the worst latencies, memory, and pauses of the collector.

Capacity is here what can be depended on: what a closed loop answers in all but one in a hundred
tenths of a second, not in their mean. Whoever sends requests when they come does not wait for a
machine's slow moments, and on a shared one those take half of what there is, from anybody: the
same is measured of a bare echo and of the framework with nothing in it. What 70 % of the mean does,
to Retain and to the empty framework, is told for comparison.
"""

from collections.abc import Callable
from dataclasses import asdict
from math import inf
from typing import Any

import numpy as np

from load.bar import Bar
from load.cases import BY_NAME, CONNECTIONS
from load.contestants import ECHO, MOUNT, RETAIN, Field
from load.job import Job, Outcome, run
from load.watching import Pauses, growth, longest, pauses, watching

SHARE = 0.7
SETTLED_AFTER_SECONDS = 120
SCRAPED_EVERY_SECONDS = 15.0
WORKER = "worker"
_CONNECTIONS = 64
_OBJECTIVE_MS = 25.0
_SLOWEST_PERCENT = 1.0
_CLOSED_LOOP_PART = 0.1
_COMPARED_PART = 0.2


def soak(
    field: Field, minutes: float, progress: Callable[[str], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Pace Retain for so many minutes, and a bare echo for half as long before and after.

    Latency counts from the moment each request was due. The echo says what this machine, its
    other tenants and the client's own clock add; it stands on both sides of the long run, so that
    a machine that changes does so for both. Meanwhile ``/metrics`` is scraped as Prometheus would.
    The pace is 70 % of what Retain can be depended on for.
    """
    servers, headers = field.servers, field.headers
    seconds = 60.0 * minutes
    bodies = BY_NAME["heads"].bodies(field.customers)

    def load(name: str, mode: str, connections: int, rate: float, length: float) -> Outcome:
        own = headers if name == RETAIN else {}
        port = servers[name].port
        return run(Job(port, "/predict", bodies, mode, connections, length, 2.0, rate, own))

    def closed(name: str) -> Outcome:
        seen = load(name, "closed", CONNECTIONS, 0.0, _CLOSED_LOOP_PART * seconds)
        progress(
            f"soak: {name} in a closed loop answers {seen.rate:,.0f}/s, "
            f"{dependable(seen):,.0f}/s in all but one in a hundred tenths of a second"
        )
        return seen

    def paced(name: str, rate: float, length: float) -> Outcome:
        progress(f"soak: {name} at {rate:,.0f}/s for {length:,.0f} s")
        seen = load(name, "paced", _CONNECTIONS, rate, length)
        progress(f"soak: {name} {seen.latency_ms}, {seen.answered}")
        return seen

    loops = {name: closed(name) for name in (ECHO, MOUNT, RETAIN)}
    rate = SHARE * dependable(loops[RETAIN])
    echoes = [paced(ECHO, rate, seconds / 2)]
    before = pauses(servers[RETAIN], headers)
    scraped = {"every": SCRAPED_EVERY_SECONDS, "headers": headers}
    with watching(servers[RETAIN], "/metrics", **scraped) as watched:
        ours = paced(RETAIN, rate, seconds)
    after = pauses(servers[RETAIN], headers)
    echoes.append(paced(ECHO, rate, seconds / 2))
    compared = {
        name: paced(name, SHARE * loops[name].rate, _COMPARED_PART * seconds)
        for name in (MOUNT, RETAIN)
    }
    settled = min(SETTLED_AFTER_SECONDS, int(seconds / 5))
    ended = int(seconds)
    worst = max(one.latency_ms["max"] for one in echoes)
    resident, own = (
        growth(watched.memory_mb, settled, ended),
        growth(watched.own_mb, settled, ended),
    )
    bars = [
        Bar("soak, p99.99 in ms", ours.latency_ms["p99.99"], _OBJECTIVE_MS, at_most=True),
        Bar("soak, worst over a bare echo's", ours.latency_ms["max"] / worst, 2, at_most=True),
        Bar("soak, answers that were no success", ours.errors + ours.refusals, 0, at_most=True),
        Bar("soak, longest pause in ms (at most)", longest_ms(before, after), 10, at_most=True),
        Bar(_since("soak, memory", settled), _known(resident), 0.05, at_most=True),
        Bar(_since("soak, memory without files", settled), _known(own), 0.05, at_most=True),
        *(_at_the_mean(name, seen) for name, seen in compared.items()),
    ]
    report = {
        "closed_loops": {name: asdict(one) for name, one in loops.items()},
        "dependable": {name: dependable(one) for name, one in loops.items()},
        "rate": rate,
        "at_share_of_the_mean": {name: asdict(one) for name, one in compared.items()},
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


def dependable(seen: Outcome) -> float:
    """Answers a second that all but one in a hundred tenths of a second had."""
    return 10.0 * float(np.percentile(seen.ok_per_tenth, _SLOWEST_PERCENT))


def longest_ms(before: Pauses | None, after: Pauses | None) -> float:
    """What every pause of the worker's collector in between stayed below, in milliseconds.

    Its helpers' pauses hold nobody up. 0 where it never collected, infinite where that is not told.
    """
    found = longest(before, after)
    return inf if found is None else found.get(WORKER, 0.0)


def _at_the_mean(name: str, seen: Outcome) -> Bar:
    late = seen.latency_ms.get("p99.99", inf)
    title = f"for comparison: {name} at 70 % of its closed loop, p99.99"
    return Bar(title, late, _OBJECTIVE_MS, at_most=True, aspired=True)


def _since(what: str, seconds: int) -> str:
    return f"{what}, most above second {seconds}'s"


def _known(share: float | None) -> float:
    return inf if share is None else share
