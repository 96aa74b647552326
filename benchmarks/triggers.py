"""From an accepted event to its webhook: how long a trigger takes, and what arrives twice."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from load.connections import Connections
from load.service import Service
from streaming import customers_of, percentiles, prepared

from retain.clock import iso, now
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import PROJECT_CONFIG, load
from services.server import workers_here

ABOUT = """
A home of simulated customers is made once (or reused with --home) and served by `retain serve`
with one trigger: a failed payment, decided at once and delivered to a webhook of this process. One
payment a customer fails, so many a second, beside a load of other events. Measured from the
moment the answer to POST /events reached us until the webhook's request did; every delivery must
arrive under one id, and of nobody it may be missing unless it was decided to do nothing. The same
is in the service's own metrics, measured from the event's receipt.
"""
SECRET = "RETAIN_BENCH_WEBHOOK_SECRET"  # noqa: S105 - a name
_SETTLE_SECONDS = 60.0
_READY_SECONDS = 300.0
_LOOK_SECONDS = 0.1
_BACKGROUND = ("product_viewed", "page_viewed", "searched", "product_added")


@dataclass
class Seen:
    """When each customer's event was accepted and its webhook came, by one clock."""

    accepted: dict[str, float] = field(default_factory=dict)
    came: dict[str, float] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    nothing: int = 0

    def received(self, body: bytes) -> None:
        """A webhook came."""
        at, data = time.perf_counter(), json.loads(body)["data"]
        who = data["customer_id"]
        self.came.setdefault(who, at)
        self.ids.setdefault(who, set()).add(data["delivery_id"])
        action = data["decision"]["actions"][0]["action_id"]
        self.actions[action] = self.actions.get(action, 0) + 1


@contextmanager
def receiving(seen: Seen) -> Iterator[str]:
    """The URL of a webhook that accepts everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.received(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def configured(folder: Path, url: str) -> Path:
    """The shipped configuration with one trigger."""
    shutil.copytree(PROJECT_CONFIG, folder)
    trigger = {
        "id": "payment_failed",
        "names": {"en": "Payment failed", "ko": "결제 실패"},
        "enabled": True,
        "events": ["payment_failed"],
        "goal": ["order_completed"],
        "deliver_to": "here",
        "hand_over": "at_once",
    }
    told = {"endpoints": {"here": {"url": url, "secret": SECRET}}, "triggers": [trigger]}
    (folder / "triggers.yaml").write_text(yaml.safe_dump(told), "utf-8")
    return folder


async def drive(port: int, given: argparse.Namespace, seen: Seen, customers: list[str]) -> None:
    """Fail payments at a steady rate, beside other events."""
    connections = Connections("127.0.0.1", port, 32)
    # the engine loads its models behind the service's back
    await _fail(connections, seen, customers.pop())
    await _all_came(seen, _READY_SECONDS)
    seen.accepted.clear()
    seen.came.clear()
    fails = customers[: int(given.rate * given.seconds)]
    others = customers[len(fails) :] or customers
    background = asyncio.create_task(_load(connections, given, others))
    began, tasks = time.perf_counter(), []
    for number, who in enumerate(fails):
        await asyncio.sleep(max(began + number / given.rate - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(_fail(connections, seen, who)))
    await asyncio.gather(*tasks)
    await _all_came(seen, _SETTLE_SECONDS)
    background.cancel()


async def _all_came(seen: Seen, seconds: float) -> None:
    for _ in range(int(seconds / _LOOK_SECONDS)):
        if len(seen.came) >= len(seen.accepted):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _fail(connections: Connections, seen: Seen, who: str) -> None:
    status = await _post(connections, [_event("payment_failed", who, {"total": 20.0})])
    if status == 200:
        seen.accepted[who] = time.perf_counter()
    else:
        seen.failures += 1


async def _load(connections: Connections, given: argparse.Namespace, others: list[str]) -> None:
    began, number = time.perf_counter(), 0
    while given.background:
        await asyncio.sleep(max(began + number / given.background - time.perf_counter(), 0))
        told = []
        for _ in range(10):
            kind = _BACKGROUND[number % len(_BACKGROUND)]
            told.append(_event(kind, others[number % len(others)], {"product_id": f"p{number}"}))
            number += 1
        await _post(connections, told)


def _event(kind: str, who: str, properties: dict[str, Any]) -> dict[str, Any]:
    named = f"{kind}-{who}-{time.time_ns()}"
    common = {"event_id": named, "type": kind, "customer_id": who, "timestamp": iso(now())}
    return {**common, "properties": properties}


async def _post(connections: Connections, events: list[dict[str, Any]]) -> int:
    status, _ = await connections.post("/events", json.dumps({"events": events}).encode())
    return status


def main() -> None:
    """Prepare, drive, judge; exit 1 where one is missing or came under two ids."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=ABOUT)
    parser.add_argument("--home", type=Path, help="keep and reuse the simulated home")
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=10, help="failed payments a second")
    parser.add_argument("--background", type=float, default=100, help="other events a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=workers_here())
    given = parser.parse_args()
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder, receiving(seen) as url:
        kept = prepared(given.home or Path(folder, "prepared"), given.customers)
        home = Path(folder, "home")
        shutil.copytree(kept, home)
        os.environ["RETAIN_CONFIG"] = str(configured(Path(folder, "config"), url))
        os.environ[SECRET] = "only-for-this-benchmark-0123456789"
        customers = customers_of(EventLog(connect(load(home=home).database_url)), given.customers)
        with Service(home, Path(folder, "service.log"), given.workers) as service:
            asyncio.run(drive(service.port, given, seen, customers))
            seen.nothing = nothing_to_do(service.port)
            cpu, resident = service.cpu_seconds(), service.resident_mb()
        log = Path(folder, "service.log").read_text(errors="replace").splitlines()[-20:]
    report = judged(given, seen)
    report |= {"service_cpu_seconds": round(cpu, 1), "service_mb": round(resident)}
    print(json.dumps(report, indent=2))
    if report["missing"] or report["under_two_ids"]:
        print(*log, sep="\n", file=sys.stderr)
        sys.exit(1)


def nothing_to_do(port: int) -> int:
    """For how many the service decided to do nothing, of which no webhook tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    told = [one for one in lines if one.startswith("retain_trigger_firings_total{")]
    return sum(round(float(one.split()[-1])) for one in told if 'outcome="nothing"' in one)


def judged(given: argparse.Namespace, seen: Seen) -> dict[str, Any]:
    """What was measured."""
    took = [at - seen.accepted[who] for who, at in seen.came.items() if who in seen.accepted]
    return {
        "cores": os.cpu_count(),
        "workers": given.workers,
        "customers": given.customers,
        "failed_payments_per_second": given.rate,
        "other_events_per_second": given.background,
        "accepted": len(seen.accepted),
        "refused": seen.failures,
        "delivered": len(seen.came),
        "decided_to_do_nothing": seen.nothing,
        "missing": max(len(seen.accepted.keys() - seen.came.keys()) - seen.nothing, 0),
        "under_two_ids": sum(len(ids) > 1 for ids in seen.ids.values()),
        "accepted_to_webhook_ms": percentiles(took),
        "actions": seen.actions,
    }


if __name__ == "__main__":
    main()
