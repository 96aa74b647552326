"""Faults under load: what callers are told meanwhile, and what is left afterwards."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from load.bar import Bar
from load.callers import Callers, Scores, differ, scores
from load.cases import HEADS
from load.contestants import ask
from load.service import Service
from load.trouble import KINDS, Trouble
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import load

CALM_SECONDS = 3.0
TROUBLED_SECONDS = 8.0
WELL_SECONDS = 2.0
WITHIN_SECONDS = 60.0
_CUSTOMERS = 100
_TOLERANCE = 0.1
_SAME = 0.02
_EXAMPLES = 3
_TOLD = ("degraded", "rejected")


def faults(
    home: Path, kinds: Sequence[str], progress: Callable[[str], None], logs: Path | None = None
) -> tuple[dict[str, Any], list[Bar]]:
    """Every kind, each on a service of its own over a copy of ``home``; ``logs`` keeps theirs."""
    report: dict[str, Any] = {}
    bars: list[Bar] = []
    for name in kinds:
        with tempfile.TemporaryDirectory(prefix="retain-fault-") as folder:
            # PostgreSQL's own user has to pass through
            Path(folder).chmod(0o755)
            with KINDS[name](home, Path(folder)) as trouble:
                if trouble is None:
                    progress(f"fault {name}: this machine cannot do it, left out")
                    continue
                log = Path(folder, "service.log")
                report[name] = seen = suffer(trouble, log)
                if logs is not None:
                    logs.mkdir(parents=True, exist_ok=True)
                    shutil.copy(log, logs / f"fault-{name}.log")
        progress(f"fault {name}: {seen}")
        bars += judged(name, seen, trouble)
    return report, bars


def suffer(trouble: Trouble, log: Path) -> dict[str, Any]:
    """Serve, call, break, mend, and see whether all is well again without a restart."""
    environment = dict(trouble.environment)
    if trouble.pinned:
        environment["RETAIN_AS_OF"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    url = environment.get("RETAIN_DATABASE_URL") or load(home=trouble.home).database_url
    events = EventLog(connect(url))
    before, customers = events.last_seq(), events.customers_after("", 2 * _CUSTOMERS)
    with Service(trouble.home, log, workers=1, environment=environment) as service:
        expected = asked(service, customers[:_CUSTOMERS])
        tolerance = 0.0 if trouble.pinned else _TOLERANCE
        if not trouble.pinned:
            # of whoever did something in the last hour an earlier clock says another thing, rightly
            earlier = asked(service, list(expected), datetime.now(UTC) - timedelta(hours=1))
            expected = {one: said for one, said in expected.items() if same(said, earlier.get(one))}
        callers = Callers(service.port, expected, customers[_CUSTOMERS:], tolerance)
        callers.start()
        try:
            time.sleep(CALM_SECONDS)
            trouble.break_it(service)
            time.sleep(TROUBLED_SECONDS)
            trouble.mend_it(service)
            recovery = recovered(callers)
        finally:
            callers.stop()
        found = stored(events, before)
    heard = callers.heard
    return {
        "predictions": dict(heard.predictions),
        "events": dict(heard.events),
        "acknowledged": len(heard.acknowledged),
        "lost": len(heard.acknowledged - found),
        "wrong": len(heard.wrong),
        "wrong_for_example": heard.wrong[:_EXAMPLES],
        "not_problems": len(heard.not_problems),
        "not_problems_for_example": heard.not_problems[:_EXAMPLES],
        "longest_without_success_s": heard.longest_without_s,
        "slowest_s": round(heard.slowest_s, 2),
        "recovery_s": None if recovery is None else round(recovery, 1),
    }


def asked(
    service: Service, customers: Sequence[str], as_of: datetime | None = None
) -> dict[str, Scores]:
    """The scores of some customers while all is well."""
    body: dict[str, Any] = {"customer_ids": list(customers), "include": HEADS}
    if as_of is not None:
        body["as_of"] = as_of.isoformat()
    answer: Any = ask(service.port, "/predict", body)
    known = [one for one in answer["predictions"] if one["status"] != "unknown_customer"]
    return {one["customer_id"]: scores(one) for one in known}


def same(one: Scores, other: Scores | None) -> bool:
    """Whether an hour made no difference."""
    return other is not None and not any(differ(one[k], other[k], _SAME) for k in one)


def recovered(callers: Callers) -> float | None:
    """Seconds from now until every call succeeds for good; None where that does not come."""
    began = time.monotonic()
    while time.monotonic() - began < WITHIN_SECONDS:
        well = callers.well_for()
        if well >= WELL_SECONDS:
            return max(time.monotonic() - began - well, 0.0)
        time.sleep(0.05)
    return None


def stored(events: EventLog, before: int) -> set[str]:
    """The ids of every event since ``before``."""
    return {one for part in events.after(before) for one in part["event_id"].to_pylist()}


def judged(name: str, seen: dict[str, Any], trouble: Trouble) -> list[Bar]:
    """What must hold whatever breaks."""
    recovery = float("inf") if seen["recovery_s"] is None else seen["recovery_s"]
    told = Counter(seen["predictions"]) + Counter(seen["events"])
    unanswered = sum(n for what, n in told.items() if not what.isdigit() and what not in _TOLD)
    bars = [
        Bar(f"{name}: acknowledged events that are lost", seen["lost"], 0, at_most=True),
        Bar(f"{name}: wrong scores", seen["wrong"], 0, at_most=True),
        Bar(f"{name}: errors that are no problem details", seen["not_problems"], 0, at_most=True),
        Bar(f"{name}: seconds until it is well again", recovery, 30, at_most=True),
    ]
    if not trouble.worker_dies:
        bars.append(Bar(f"{name}: calls without an answer", unanswered, 0, at_most=True))
    return bars
