"""Seconds, processor and memory of every stage of a training, at several cutoffs at once."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ABOUT = """
Simulates a shop, imports it and trains every head, which is what is measured. The history is as
long as so many cutoffs, a month apart, and their labels need. With --home the data of a home is
trained on as it is. Prints a line per stage and, last, one line of JSON; the exit code is 1 where
a stage failed.
"""
END = datetime(2026, 10, 31, tzinfo=UTC)
HORIZON_DAYS = 90
MONTH_DAYS = 30
EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Stage:
    """What one stage took; ``peak_mb`` is the most that was resident at once during it."""

    stage: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0


@dataclass(slots=True)
class Watch:
    """Stages as they are reported, each from its first report to the next one's."""

    stages: list[Stage] = field(default_factory=list)
    _began: tuple[float, float] = (0.0, 0.0)

    def __call__(self, stage: str, _done: int, _total: int) -> None:
        """Note what is reported; a new stage ends the one before."""
        if not self.stages or self.stages[-1].stage != stage:
            self.end()
            self.stages.append(Stage(stage))
            self._began = time.monotonic(), cpu_seconds()

    def end(self) -> None:
        """End the running stage."""
        if not self.stages or not self._began[0]:
            return
        last, (began, cpu) = self.stages[-1], self._began
        last.seconds, last.cpu_seconds = time.monotonic() - began, cpu_seconds() - cpu
        print(
            f"{last.stage:<16} {last.seconds:8.1f} s {last.cpu_seconds:8.1f} s of processor "
            f"{last.peak_mb:8.0f} MB",
            flush=True,
        )

    def look(self, stopped: threading.Event) -> None:
        """Note the memory in use until ``stopped``."""
        while not stopped.wait(EVERY_SECONDS):
            if self.stages:
                last = self.stages[-1]
                last.peak_mb = max(last.peak_mb, resident_mb())


def main() -> None:
    """Make the data, train in a process of its own, and print what it took."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--cutoffs", type=int, default=6)
    parser.add_argument("--home", type=Path, help="train on this home's data")
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=END)
    parser.add_argument("--trained-here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.trained_here:
        train(asked.home, asked.as_of.replace(tzinfo=UTC))
        return
    with ExitStack() as stack:
        home = asked.home
        if home is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="retain-bench-"))
            home = Path(folder, "home")
            make(home, Path(folder, "shop"), asked.customers, asked.cutoffs)
        words = ["--home", str(home), "--as-of", asked.as_of.isoformat(), "--trained-here"]
        # -P: what is imported there by the name of this file is the package
        command = [sys.executable, "-P", __file__, *words]
        done = subprocess.run(command, check=False)  # noqa: S603
    sys.exit(done.returncode)


def make(home: Path, shop: Path, customers: int, cutoffs: int) -> None:
    """Simulate and import a shop whose history is as long as the cutoffs need."""
    from pipeline import measure  # noqa: PLC0415 - the one beside this file, if it is not the child

    days = HORIZON_DAYS + MONTH_DAYS * cutoffs + 1
    start = (END - timedelta(days=days)).date().isoformat()
    size = ("--customers", str(customers), "--start", start)
    for step, *words in (
        ("simulate", "simulate", "--out", str(shop), *size),
        ("import", "import", str(shop / "events.parquet"), "--format", "retain"),
    ):
        taken = measure(step, home, *words)
        print(
            f"{step:<16} {taken.seconds:8.1f} s {taken.cpu_seconds:8.1f} s of processor "
            f"{taken.peak_mb:8.0f} MB",
            flush=True,
        )


def train(home: Path, as_of: datetime) -> None:
    """Train every head of ``home``; the stages are those the progress names."""
    from retain import settings  # noqa: PLC0415
    from training import pipeline  # noqa: PLC0415

    watch, stopped = Watch(), threading.Event()
    looking = threading.Thread(target=watch.look, args=(stopped,), daemon=True)
    looking.start()
    began = time.monotonic()
    watch("start", 0, 1)
    run = pipeline.train(
        settings.load({}, home=home), as_of=as_of, horizon_days=HORIZON_DAYS, progress=watch
    )
    seconds = time.monotonic() - began
    watch.end()
    stopped.set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = {head: model.training.rows for head, model in run.models.items()}
    print(f"{'all':<16} {seconds:8.1f} s {cpu_seconds():8.1f} s of processor {peak:8.0f} MB")
    measured = {
        "cutoffs": len(run.evaluation.plan.every),
        "rows": rows,
        "skipped": run.skipped,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds(),
        "peak_mb": peak,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "stages": [asdict(stage) for stage in watch.stages],
    }
    print(json.dumps(measured))


def cpu_seconds() -> float:
    """Of this process and its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    """Memory of this process; where the system does not say, the most it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / (1 << 20)


if __name__ == "__main__":
    main()
