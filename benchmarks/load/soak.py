"""A long run at a share of capacity: the worst latencies, memory, and pauses of the collector.

Capacity is here what is sustained: the highest rate at which requests that come when they come,
whoever waits, are answered within the objective for a minute. A closed loop, in which whoever is
answered asks again, finds more: its server never pauses. On a shared machine each request costs
more where there are pauses (a bare echo twice as much), and 70 % of a closed loop can be all there
is.
"""

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
_OBJECTIVE_MS = 25.0
_OF = "p99.9"
_STEP = 0.95
_FEWEST = 0.3
_TRIALS_SECONDS = (8.0, 60.0)


def soak(
    field: Field, minutes: float, fastest: float, progress: Callable[[str], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Pace Retain for so many minutes, and a bare echo for half as long before and after.

    Latency counts from the moment each request was due. The echo says what this machine, its
    other tenants and the client's own clock add; it stands on both sides of the long run, so that
    a machine that changes does so for both. Meanwhile ``/metrics`` is scraped as Prometheus would.
    ``fastest`` is what Retain answers a second in a closed loop; from there down is looked for what
    it sustains, and it is paced at 70 % of that.
    """
    servers, headers = field.servers, field.headers
    seconds = 60.0 * minutes
    bodies = BY_NAME["heads"].bodies(field.customers)

    def load(name: str, rate: float, length: float) -> Outcome:
        own = headers if name == RETAIN else {}
        port = servers[name].port
        return run(Job(port, "/predict", bodies, "paced", _CONNECTIONS, length, 2.0, rate, own))

    capacity, trials = sustained(lambda *of: load(RETAIN, *of), fastest, progress)
    rate = SHARE * capacity

    def paced(name: str, length: float) -> Outcome:
        progress(f"soak: {name} at {rate:,.0f}/s for {length:,.0f} s")
        seen = load(name, rate, length)
        progress(f"soak: {name} {seen.latency_ms}, {seen.answered}")
        return seen

    echoes = [paced(ECHO, seconds / 2)]
    before = pauses(servers[RETAIN], headers)
    scraped = {"every": SCRAPED_EVERY_SECONDS, "headers": headers}
    with watching(servers[RETAIN], "/metrics", **scraped) as watched:
        ours = paced(RETAIN, seconds)
    after = pauses(servers[RETAIN], headers)
    echoes.append(paced(ECHO, seconds / 2))
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
    ]
    report = {
        "closed_loop": fastest,
        "trials": trials,
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


def sustained(
    trial: Callable[[float, float], Outcome], fastest: float, progress: Callable[[str], None]
) -> tuple[float, list[tuple[float, float]]]:
    """The highest rate that is sustained, and of every trial its rate and p99.9 in milliseconds.

    A rate is sustained where so many are answered for a minute, without an error, 99.9 % of them
    within the objective from the moment they were due: machines that are shared have slow spells
    of some seconds, which a short trial misses as often as not, and 99 % forgive. A short one goes
    before it all the same, as it rejects most rates. It is looked for in steps of 5 % from
    ``fastest`` down; where nothing is sustained, the last rate tried is returned. ``trial`` gets a
    rate and seconds.
    """
    trials: list[tuple[float, float]] = []
    rate = fastest
    while rate > _FEWEST * fastest:
        held = True
        for seconds in _TRIALS_SECONDS:
            seen = trial(rate, seconds)
            trials.append((rate, late := seen.latency_ms.get(_OF, inf)))
            progress(f"soak: of {rate:,.0f}/s, {seen.rate:,.0f} are answered, {_OF} {late:,.1f} ms")
            held = late <= _OBJECTIVE_MS and not seen.errors and not seen.refusals
            if not held:
                break
        if held:
            break
        rate *= _STEP
    return rate, trials


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
