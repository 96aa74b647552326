"""Requests a second, latency and processor per request, beside what others would write."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from load import cases, contestants
from load.bar import Bar
from load.cases import BY_NAME, CASES, HEADS, Measured, Summary, summary
from load.comparison import judged, table
from load.contestants import NAMES, RETAIN, Field, Ground
from load.drawing import draw
from load.faults import faults
from load.overload import Overload
from load.soak import soak
from load.trouble import KINDS

ABOUT = """
All servers run at once, one worker each, over the same customers and the same model files; each
case is measured in turn, several rounds over, so that other load on the machine falls on all of
them. The client is a process of its own (a closed loop over kept connections); where its cores
come near 1 it is the client that was measured. A home of 10,000 simulated customers is made, or
--home is copied. Everything goes into --json, a plot into --out. The exit code is 1 where a bar
is missed.
"""
_WARM_AT_ONCE = 1_000
_WARM_SECONDS = 8.0


def main() -> None:
    """Prepare, measure, judge; exit 1 on a missed bar."""
    given = parsed()
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder:
        kept = given.home or simulated(Path(folder), given.customers)
        found: dict[str, Summary] = {}
        report: dict[str, Any] = about(given)
        bars: list[Bar] = []
        if asked := wanted(given):
            ground = prepared(Path(folder), kept, given)
            found, measured, bars = beside(ground, asked, given)
            report |= measured
            if given.logs:
                shutil.copytree(ground.logs, given.logs, dirs_exist_ok=True)
        if given.faults is not None:
            kinds = given.faults or list(KINDS)
            report["faults"], more = faults(kept, kinds, progress, given.logs)
            bars += more
    print(table(found, bars), flush=True)
    report["bars"] = [asdict(bar) for bar in bars]
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "serving.svg").write_text(draw(found), "utf-8")
    if given.json:
        given.json.write_text(json.dumps(report, indent=1), "utf-8")
    sys.exit(1 if any(bar.missed for bar in bars) else 0)


def beside(
    ground: Ground, asked: list[cases.Case], given: argparse.Namespace
) -> tuple[dict[str, Summary], dict[str, Any], list[Bar]]:
    """Everything that needs servers side by side: what was found, all of it, and the bars."""
    names = list(dict.fromkeys(case.server for case in asked))
    environment = dict(pair.split("=", 1) for pair in given.env)
    headers = {"authorization": f"Bearer {given.api_key}"} if given.api_key else {}
    with contestants.serving(ground, names, environment) as servers:
        field = Field(ground, servers, ground.customers, headers)
        contestants.check(ground, servers)
        warm(field, asked)
        rounds = compare(field, asked, given)
        found = {name: summary(each) for name, each in rounds.items()}
        bars = judged(found)
        report: dict[str, Any] = {
            "cases": {name: asdict(one) for name, one in found.items()},
            "rounds": {name: [asdict(one) for one in each] for name, each in rounds.items()},
        }
        if given.soak:
            report["soak"], more = soak(field, given.minutes, progress)
            bars += more
        if given.overload:
            overload = Overload(field, progress, given.overload_seconds)
            report["overload"], more = overload.run()
            bars += more
    return found, report, bars


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=ABOUT)
    parser.add_argument("--home", type=Path, help="a home to copy, instead of making one")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--peers", type=Path, help="where to keep what the peers are prepared with")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a case in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", choices=list(BY_NAME), help="some of the cases, or none"
    )
    parser.add_argument("--soak", action="store_true", help="a long run at 70 %% of capacity")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    parser.add_argument("--overload", action="store_true", help="too many clients, and a flood")
    parser.add_argument("--overload-seconds", type=float, default=60.0, help="of each kind")
    parser.add_argument("--faults", nargs="*", choices=list(KINDS), help="what breaks under load")
    parser.add_argument("--env", nargs="*", default=[], help="NAME=VALUE for Retain's process")
    parser.add_argument("--api-key", default="", help="a key, where the service asks for one")
    parser.add_argument("--out", type=Path, help="folder for the plot, serving.svg")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--logs", type=Path, help="where to keep the servers' logs")
    return parser.parse_args()


def wanted(given: argparse.Namespace) -> list[cases.Case]:
    """The cases to measure: a soak needs the floors beside it, an overload a Retain."""
    names = set(BY_NAME if given.only is None else given.only)
    if given.soak:
        names |= {"echo", "mount", "heads"}
    if given.overload:
        names |= {"heads"}
    return [case for case in CASES if case.name in names]


def simulated(folder: Path, customers: int) -> Path:
    """A home with simulated customers and models."""
    home = folder / "prepared"
    command = [sys.executable, "-m", "cli.main", "demo", "--no-serve"]
    command += ["--customers", str(customers), "--home", str(home)]
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - our own command line
    return home


def prepared(folder: Path, kept: Path, given: argparse.Namespace) -> Ground:
    """A copy of a home, and the peers' store beside it."""
    logs = folder / "logs"
    logs.mkdir()
    ground = Ground(folder / "home", given.peers or folder / "peers", logs)
    shutil.copytree(kept, ground.home)
    if not (ground.peers / "customers.txt").exists():
        progress("loading the home's features into stock Feast, for the peers")
        contestants.prepare_peers(ground.home, ground.peers, given.customers)
    return ground


def warm(field: Field, asked: list[cases.Case]) -> None:
    """Ask Retain for everybody once: rows whose windows have moved on are computed anew.

    Where previews are measured, its process that writes their receipts is started by some, too.
    """
    if RETAIN not in field.servers:
        return
    for start in range(0, len(field.customers), _WARM_AT_ONCE):
        ids = field.customers[start : start + _WARM_AT_ONCE]
        body = {"customer_ids": ids, "include": HEADS}
        contestants.ask(field.servers[RETAIN].port, "/predict", body, field.headers)
    preview = BY_NAME["preview"]
    if preview in asked:
        bodies = preview.bodies(field.customers)
        cases.measure(preview, field.servers[RETAIN], bodies, _WARM_SECONDS, field.headers)


def compare(
    field: Field, asked: list[cases.Case], given: argparse.Namespace
) -> dict[str, list[Measured]]:
    """Every case in turn, several rounds over."""
    measured: dict[str, list[Measured]] = {case.name: [] for case in asked}
    bodies = {case.name: case.bodies(field.customers) for case in asked}
    for number in range(given.rounds):
        for case in asked:
            server = field.servers[case.server]
            headers = field.headers if case.server == RETAIN else {}
            one = cases.measure(case, server, bodies[case.name], given.seconds, headers)
            measured[case.name].append(one)
            progress(
                f"round {number + 1}: {NAMES[case.server]}, {case.title}: "
                f"{one.outcome.rate:,.1f}/s, p99 {one.outcome.latency_ms.get('p99', 0):,.2f} ms, "
                f"client {one.outcome.client_cores:.2f} cores"
            )
    return measured


def about(given: argparse.Namespace) -> dict[str, Any]:
    """What was run where."""
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "customers": given.customers,
        "seconds": given.seconds,
    }


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
