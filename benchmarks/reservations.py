"""Many clients at once: reservations per second, their latency, and every limit they broke."""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sqlalchemy import Engine

from retain.database import connect, reading
from retain.decisions import audit
from retain.decisions.actions import ActionConfig
from retain.decisions.catalogues import Catalogue, compile_catalogue
from retain.decisions.contacts import Contacts
from retain.decisions.feedback import Feedback
from retain.decisions.ranking import Ranker, Ranking
from retain.decisions.store import Decisions
from retain.errors import StoreUnavailable
from retain.settings import PROJECT_CONFIG

ABOUT = """
So many clients, in a few processes of several threads each, decide again and again for the same few
customers with the shipped catalogue (24 actions) and budgets added to it. Every other request is
sent by two clients at once under one key, some contacts are reported as not sent, and the
clock of each client goes an hour on with each request, so that caps fill and empty. Then the store
is judged by what is in it, with code that decides nothing. PostgreSQL is started here, durable as
it comes, where it is installed. Latencies are of the call that ranks, reserves and commits.
"""
START = datetime(2026, 11, 21, 8, tzinfo=UTC)
PROCESSES = 4
ALONE = 500
BARS = {"reserve_ms": 2.0, "forbid_24_ms": 0.2}
"""Medians, of one client with a disk that keeps up: compare ``fsync_ms``."""
BUDGETS = {
    "budget": {"count": 150, "per": "day"},
    "tag_budgets": {"discount": [{"amount": 40, "per": "day"}, {"amount": 4_000}]},
}
PROFILES: list[dict[str, Any]] = [
    {"orders_lifetime": 4.0, "churn_probability": 0.8, "ltv_tier": "high", "ltv_value": 300.0},
    {"orders_lifetime": 2.0, "stage": "lapsing", "segment": "about_to_sleep"},
    {"orders_lifetime": 5.0, "stage": "loyalty", "last_score": 10.0, "order_recency_days": 12.0},
    {"orders_lifetime": 3.0, "cycle_position": 1.0, "order_recency_days": 20.0},
]


@dataclass
class Seen:
    """What clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    by_key: dict[str, set[str]] = field(default_factory=dict)
    again: int = 0

    def add(self, other: "Seen") -> None:
        self.milliseconds += other.milliseconds
        self.actions += other.actions
        self.again += other.again
        for key, ids in other.by_key.items():
            self.by_key.setdefault(key, set()).update(ids)


@dataclass(frozen=True)
class Shop:
    """What the clients of one process share; they begin when all of them are ready."""

    ranker: Ranker
    decisions: Decisions
    engine: Engine
    ready: threading.Barrier


def main() -> None:
    """Measure both stores, print what was found, and end with everything as JSON."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=1_000, help="of each client")
    parser.add_argument("--customers", type=int, default=20)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    measured: dict[str, Any] = {}
    for kind in [asked.only] if asked.only else ["sqlite", "postgresql"]:
        with store(kind) as url:
            if url is None:
                print("PostgreSQL is not measured: it is not installed", flush=True)
                continue
            measured[kind] = against(url, asked)
            print(f"{kind}: {json.dumps(measured[kind])}", flush=True)
    print(json.dumps(measured))
    if any(found["broken"] or found["decided_twice"] for found in measured.values()):
        sys.exit("limits were broken")


@contextmanager
def store(kind: str) -> Iterator[str | None]:
    """The URL of an empty store; None where it cannot be had."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/retain.db"
        return
    from tests.postgres_server import postgres_running  # noqa: PLC0415 - SQLite needs no pytest

    with (
        postgres_running("fsync=on", "full_page_writes=on") as server,
        server.database() as url,
    ):
        yield url


def against(url: str, asked: argparse.Namespace) -> dict[str, Any]:
    alone = one_client(url)
    seen, began = Seen(), time.perf_counter()
    each = asked.clients // PROCESSES
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(clients, url, number * each, each, asked.requests, asked.customers)
            for number in range(PROCESSES)
        ]
        for job in jobs:
            seen.add(job.result())
    seconds = time.perf_counter() - began
    engine = connect(url)
    with reading(engine) as connection:
        broken = audit.broken(connection, catalogue())
    engine.dispose()
    return {
        "requests": len(seen.milliseconds),
        "broken": len(broken),
        "first_broken": broken[:5],
        "decided_twice": sum(len(ids) > 1 for ids in seen.by_key.values()),
        "keys_sent_twice": len(seen.by_key),
        "asked_again": seen.again,
        "actions": dict(seen.actions.most_common()),
        "per_second": round(len(seen.milliseconds) / seconds, 1),
        "contended_ms": quantiles(seen.milliseconds),
        **alone,
    }


def clients(url: str, first: int, many: int, requests: int, customers: int) -> Seen:
    """So many clients of one process; what they saw together."""
    engine = connect(url)
    decisions, seen = Decisions(engine), Seen()
    shop = Shop(Ranker(catalogue()), decisions, engine, threading.Barrier(many))
    with ThreadPoolExecutor(many) as pool:
        jobs = [
            pool.submit(client, shop, number, requests, customers)
            for number in range(first, first + many)
        ]
        for job in jobs:
            seen.add(job.result())
    decisions.close()
    engine.dispose()
    return seen


def client(shop: Shop, number: int, requests: int, customers: int) -> Seen:
    seen = Seen()
    now = START
    feedback = Feedback(shop.engine, shop.decisions, lambda: now)
    shop.ready.wait()
    for turn in range(requests):
        now = START + timedelta(hours=turn)
        whom = turn % customers
        # every other request is another client's too: the one in the next process
        shared = turn % 2 == 0
        key = f"{turn}-{number % (PROCESSES * 2) if shared else f'own-{number}'}"
        began = time.perf_counter()
        while True:
            try:
                decision = shop.decisions.reserve(
                    ranked(shop.ranker, whom, now), request={"turn": turn}, idempotency_key=key
                )
                break
            except StoreUnavailable:
                seen.again += 1
        seen.milliseconds.append((time.perf_counter() - began) * 1e3)
        seen.actions[decision.action_id] += 1
        seen.by_key.setdefault(f"{whom}/{key}", set()).add(decision.decision_id)
        if decision.action_id != "none" and turn % 5 == number % 5:
            told = {"feedback_id": f"{decision.decision_id}", "outcome": "not_sent"}
            of = {"decision_id": decision.decision_id, "action_id": decision.action_id}
            feedback.record([{**told, **of}])
    return seen


def one_client(url: str) -> dict[str, Any]:
    """What one client waits for, and what the limits of 24 actions cost."""
    engine = connect(url)
    decisions, ranker = Decisions(engine), Ranker(catalogue())
    contacts = Contacts(engine, ranker.limiter)
    reserved, forbidden, read = [], [], []
    for turn in range(ALONE):
        now = START - timedelta(days=400) + timedelta(hours=turn)
        whom = 1_000 + turn % 50
        began = time.perf_counter()
        ranking = ranked(ranker, whom, now)
        decisions.reserve(ranking, request={"turn": turn}, idempotency_key=f"alone-{turn}")
        reserved.append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        state = contacts.read(ranking.customer_ids, now)[ranking.customer_ids[0]]
        read.append((time.perf_counter() - began) * 1e3)
        limits = ranking.limits(0)
        began = time.perf_counter()
        for action in ranker.catalogue.actions:
            limits.forbid(action, state, now)
        forbidden.append((time.perf_counter() - began) * 1e3)
    decisions.close()
    engine.dispose()
    found: dict[str, Any] = {
        "reserve_ms": quantiles(reserved),
        "read_state_ms": quantiles(read),
        "forbid_24_ms": quantiles(forbidden),
        "fsync_ms": quantiles(fsyncs()),
    }
    found["missed"] = [name for name, bar in BARS.items() if found[name]["p50"] > bar]
    return found


def fsyncs(times: int = 200) -> list[float]:
    """What the disk alone takes to keep 4 KB."""
    taken = []
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "x").open("wb") as file:
        for _ in range(times):
            file.write(b"x" * 4_096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e3)
    return taken


def ranked(ranker: Ranker, whom: int, now: datetime) -> Ranking:
    return ranker.rank(COLUMNS[whom % len(COLUMNS)], [f"c{whom}"], now=now)


def catalogue() -> Catalogue:
    """The shipped one, with budgets."""
    declared = yaml.safe_load((PROJECT_CONFIG / "actions.yaml").read_text("utf-8"))
    return compile_catalogue(
        ActionConfig.model_validate({**declared, **BUDGETS}), file="actions.yaml"
    )


def quantiles(values: list[float]) -> dict[str, float]:
    points = np.quantile(values, [0.5, 0.95, 0.99])
    return {
        name: round(float(at), 3) for name, at in zip(("p50", "p95", "p99"), points, strict=True)
    }


def columns(profile: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    reach = {"average_order_value": 40.0, "reachable_channels": ["email", "sms", "push"]}
    made = {}
    for name, value in {**reach, "order_recency_days": 30.0, **profile}.items():
        made[name] = np.empty(1, dtype=float if isinstance(value, float) else object)
        made[name][0] = value
    return made


COLUMNS = [columns(profile) for profile in PROFILES]

if __name__ == "__main__":
    main()
