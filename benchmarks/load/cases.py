"""What is asked of whom: each case is one server, one kind of request, so many connections."""

import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from load.contestants import BENTO, ECHO, FASTAPI, MOUNT, RETAIN
from load.job import Job, Outcome, run
from load.server import Server

HEADS = ["churn", "next_purchase", "ltv"]
CONNECTIONS = 8
SEVERAL = 1_000
_DIFFERENT = 50
"""Different requests for a thousand customers; more would only take memory."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of request to one of the servers."""

    name: str
    server: str
    title: str
    path: str = "/predict"
    connections: int = CONNECTIONS
    include: tuple[str, ...] = ()
    several: bool = False
    field: str = "customer_ids"

    def bodies(self, customers: Sequence[str]) -> list[str]:
        """Requests for customers drawn at random, the same ones for every server."""
        drawing = random.Random(7)  # noqa: S311 - nobody guesses customers
        asked: dict[str, Any] = {}
        if self.include:
            # the peers suggest no products either
            asked = {"include": list(self.include), "next_items": False}
        if self.several:
            size = min(SEVERAL, len(customers))
            drawn: list[Any] = [drawing.sample(customers, size) for _ in range(_DIFFERENT)]
        else:
            drawn = drawing.sample(customers, len(customers))
        name = self.field if self.several else "customer_id"
        return [json.dumps({name: one, **asked}) for one in drawn]


CASES = (
    Case("echo", ECHO, "one request"),
    Case("mount", MOUNT, "one request"),
    Case("fastapi", FASTAPI, "one customer, three heads"),
    Case("fastapi_threads", FASTAPI, "the same in threads (def)", "/predict/threaded"),
    Case("fastapi_limited", FASTAPI, "the same, one thread at a time", "/predict/limited"),
    Case("bento", BENTO, "one customer, three heads"),
    Case("heads", RETAIN, "one customer, three heads", include=tuple(HEADS)),
    Case(
        "preview",
        RETAIN,
        "three heads with the decision preview",
        include=(*HEADS, "next_best_action"),
    ),
    Case("everything", RETAIN, "all parts, next items and preview"),
    Case("rank", RETAIN, "/rank: a decision that reserves", "/rank"),
    Case("fastapi_1000", FASTAPI, "1,000 customers", "/predict/many", 1, several=True),
    Case("bento_1000", BENTO, "1,000 customers", "/predict_many", 1, several=True),
    Case("heads_1000", RETAIN, "1,000 customers", "/predict", 1, tuple(HEADS), several=True),
)
BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True, slots=True)
class Measured:
    """One case in one round; ``cpu_us`` is of the server's process tree, per answer."""

    outcome: Outcome
    cpu_us: float


def measure(
    case: Case, server: Server, bodies: Sequence[str], seconds: float, headers: dict[str, str]
) -> Measured:
    """Load a server with a case for so long."""
    cpu = server.cpu_seconds()
    outcome = run(
        Job(server.port, case.path, bodies, "closed", case.connections, seconds, headers=headers)
    )
    used = server.cpu_seconds() - cpu
    return Measured(outcome, 1e6 * used / max(outcome.all_answers, 1))


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians over the rounds of a case: requests a second, milliseconds, microseconds."""

    rate: float
    p50: float
    p99: float
    worst: float
    cpu_us: float
    errors: int
    refusals: int
    client_cores: float


def summary(rounds: Sequence[Measured]) -> Summary:
    """The median round; errors are added up, the worst is the worst of all."""
    seen = [one.outcome for one in rounds]

    def middle(name: str) -> float:
        found = [one.latency_ms.get(name, float("nan")) for one in seen]
        return statistics.median(found)

    return Summary(
        rate=statistics.median(one.rate for one in seen),
        p50=middle("p50"),
        p99=middle("p99"),
        worst=max(one.latency_ms.get("max", float("nan")) for one in seen),
        cpu_us=statistics.median(one.cpu_us for one in rounds),
        errors=sum(one.errors for one in seen),
        refusals=sum(one.refusals for one in seen),
        client_cores=max(one.client_cores for one in seen),
    )
