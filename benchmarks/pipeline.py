"""Seconds and peak memory of every step from data to scores, each in a process of its own."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One step; ``peak_mb`` is the largest resident set of its process.

    ``cpu_seconds`` are of all its threads, and hardly depend on what else the machine does.
    """

    step: str
    seconds: float
    peak_mb: float
    cpu_seconds: float


def measure(step: str, home: Path, *words: str) -> Measured:
    """Run ``retain`` with ``words``.

    Raises:
        SystemExit: the step failed; its output was shown.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "--home", str(home), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{step} failed")
    per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Measured(
        step,
        seconds=time.monotonic() - began,
        peak_mb=usage.ru_maxrss / per_mb,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
    )


def main() -> None:
    """Measure, print a table, and JSON with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder:
        home, shop = Path(folder, "home"), Path(folder, "shop")
        steps = [
            ("simulate", "simulate", "--out", str(shop), "--customers", str(given.customers)),
            ("import", "import", str(shop / "events.parquet"), "--format", "retain"),
            ("features", "features", "build", "--as-of", "2026-10-31"),
            ("train", "train", "--as-of", "2026-10-31"),
            ("materialize", "features", "materialize", "--as-of", "2026-10-31"),
            ("score", "score", "--as-of", "2026-10-31", "--out", str(Path(folder, "scores"))),
        ]
        measured = [measure(name, home, *words) for name, *words in steps]
    if given.json:
        rows = [asdict(one) for one in measured]
        print(json.dumps({"customers": given.customers, "cores": os.cpu_count(), "steps": rows}))
        return
    print(f"{given.customers:,} customers, {os.cpu_count()} cores, {platform.python_version()}")
    for one in measured:
        print(f"{one.step:<12} {one.seconds:8.1f} s {one.peak_mb:8.0f} MB")
    print(f"{'all':<12} {sum(one.seconds for one in measured):8.1f} s")


if __name__ == "__main__":
    main()
