"""Events in, features out: rates, latencies, visibility, and what a killed worker loses."""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from load.connections import Connections
from load.service import Service
from load.traffic import Seen, Traffic

from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import load
from services.server import workers_here

ABOUT = """
A home of 10,000 simulated customers is made once (or reused with --home), served by
`retain serve` (two workers on two cores, as it does unasked), and loaded from this process. An
event counts as visible when /predict answers with features that hold every event until the moment
the acceptance reached us, or later. With --kill a worker is killed (SIGKILL) in the middle; what
was not acknowledged is sent again, and at the end every acknowledged id must be in the log exactly
once and reflected online.
"""
BARS = {"events_per_second": 0.98, "visible_p99_s": 1.0}
_SETTLE_SECONDS = 60.0
_CONNECTIONS = 64


@dataclass
class Run:
    """What one run was like from outside."""

    seen: Seen
    seconds: float
    cpu_seconds: float
    resident_mb: float
    own_cpu_seconds: float
    back_after_s: float | None = None


async def drive(service: Service, given: argparse.Namespace, customers: Sequence[str]) -> Run:
    """Load the service for as long as asked; kill its worker in the middle if asked."""
    traffic = Traffic(
        Connections("127.0.0.1", service.port, _CONNECTIONS),
        Connections("127.0.0.1", service.port, _CONNECTIONS),
        customers,
        events=given.rate,
        batch=given.batch,
        predictions=given.predictions,
        probes=given.probes,
    )
    began, cpu, own = time.perf_counter(), service.cpu_seconds(), time.process_time()
    killing = asyncio.create_task(kill(service, given.seconds / 2)) if given.kill else None
    await traffic.run(given.seconds)
    run = Run(
        traffic.seen,
        time.perf_counter() - began,
        service.cpu_seconds() - cpu,
        service.resident_mb(),
        time.process_time() - own,
    )
    if killing is not None:
        run.back_after_s = await killing
    return run


async def kill(service: Service, after: float) -> float:
    """Kill the worker after so many seconds; returns how long it took to be back."""
    await asyncio.sleep(after)
    began = time.perf_counter()
    print(f"killed worker {service.kill_worker()}", file=sys.stderr)
    while not await asyncio.to_thread(service.is_ready):
        if time.perf_counter() - began > 30:
            await asyncio.to_thread(service.restart)
        await asyncio.sleep(0.1)
    return time.perf_counter() - began


def settled(log: EventLog) -> float | None:
    """Seconds until nothing is pending any more, None where something stays."""
    began = time.perf_counter()
    while log.pending(1):
        if time.perf_counter() - began > _SETTLE_SECONDS:
            return None
        time.sleep(0.05)
    return time.perf_counter() - began


def in_the_log(log: EventLog, before: int, seen: Seen) -> dict[str, int]:
    """How the log differs from what was acknowledged."""
    found: dict[str, int] = {}
    for table in log.after(before):
        for event_id in table.column("event_id").to_pylist():
            found[event_id] = found.get(event_id, 0) + 1
    return {
        "acknowledged": len(seen.acknowledged),
        "missing": sum(1 for one in seen.acknowledged if one not in found),
        "doubled": sum(1 for times in found.values() if times > 1),
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    if not values:
        return {}
    ordered = sorted(values)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: ordered[int(q * (len(ordered) - 1))] for name, q in at.items()}
    return {name: round(value * 1e3, 1) for name, value in (found | {"max": ordered[-1]}).items()}


def main() -> None:
    """Prepare, load, judge; exit 1 on a missed bar."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=ABOUT)
    parser.add_argument("--home", type=Path, help="keep and reuse the simulated home")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--batch", type=int, default=50, help="events in a request; 1: single")
    parser.add_argument("--predictions", type=int, default=100, help="/predict a second")
    parser.add_argument("--probes", type=float, default=5, help="visibility probes a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=workers_here())
    parser.add_argument("--kill", action="store_true", help="SIGKILL a worker in the middle")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder:
        kept = prepared(given.home or Path(folder, "prepared"), given.customers)
        home = Path(folder, "home")
        shutil.copytree(kept, home)
        log = EventLog(connect(load(home=home).database_url))
        before = log.last_seq()
        with Service(home, Path(folder, "service.log"), given.workers) as service:
            run = asyncio.run(drive(service, given, customers_of(log, given.customers)))
            catch_up = settled(log)
        report = judged(given, run, in_the_log(log, before, run.seen), catch_up)
        if report["failures"] or report["missed"]:
            tail = Path(folder, "service.log").read_text(errors="replace").splitlines()[-20:]
            print(*tail, sep="\n", file=sys.stderr)
    print(json.dumps(report, indent=2))
    sys.exit(1 if report["missed"] else 0)


def prepared(home: Path, customers: int) -> Path:
    """A home with simulated customers and models, made where it is not there yet."""
    command = [sys.executable, "-m", "cli.main", "demo", "--no-serve"]
    command += ["--customers", str(customers), "--home", str(home)]
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - our own command line
    return home


def customers_of(log: EventLog, most: int) -> list[str]:
    """Customers of the log, in the order they appeared."""
    found: dict[str, None] = {}
    for table in log.after(0):
        found |= dict.fromkeys(filter(None, table.column("customer_id").to_pylist()))
        if len(found) >= most:
            break
    return list(found)[:most]


def judged(
    given: argparse.Namespace, run: Run, stored: dict[str, int], catch_up: float | None
) -> dict[str, object]:
    """Everything measured, and the bars that were missed."""
    seen, visible = run.seen, percentiles(run.seen.visible)
    events_rate = len(seen.acknowledged) / run.seconds
    failures = dict(seen.failures)
    missed = []
    # while a worker starts anew nothing is visible: what counts then is that nothing is lost
    if not given.kill:
        if events_rate < BARS["events_per_second"] * given.rate:
            missed.append("events_per_second")
        if not visible or visible["p99"] > BARS["visible_p99_s"] * 1e3 or seen.never_visible:
            missed.append("visible_p99")
        if failures:
            missed.append("failures")
    if stored["missing"] or stored["doubled"]:
        missed.append("exactly_once")
    if catch_up is None:
        missed.append("caught_up")
    return {
        "cores": os.cpu_count(),
        "workers": given.workers,
        "customers": given.customers,
        "events_in_a_request": given.batch,
        "seconds": round(run.seconds, 1),
        "events_per_second": round(events_rate),
        "predictions_per_second": round(len(seen.predictions) / run.seconds),
        "events_ms": percentiles(seen.events),
        "predict_ms": percentiles(seen.predictions),
        "visible_ms": visible,
        "probes": len(seen.visible),
        "never_visible": seen.never_visible,
        "duplicates": seen.duplicates,
        "sent_again": seen.sent_again,
        "failures": failures,
        "log": stored,
        "caught_up_after_s": None if catch_up is None else round(catch_up, 2),
        "back_after_s": None if run.back_after_s is None else round(run.back_after_s, 1),
        "service_cores": round(run.cpu_seconds / run.seconds, 2),
        "load_cores": round(run.own_cpu_seconds / run.seconds, 2),
        "service_mb": round(run.resident_mb),
        "missed": missed,
    }


if __name__ == "__main__":
    main()
