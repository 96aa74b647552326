"""Every feature of every customer, from 1 to 20 million events: time, memory and their growth."""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from histories import AS_OF, EVENTS_PER_CUSTOMER, write_history
from pipeline import measure

BAR_EVENTS, BAR_SECONDS, BAR_MB = 20_000_000, 180.0, 6 * 1024.0


@dataclass(frozen=True, slots=True)
class Built:
    """One `retain features build`, the start of its process included."""

    events: int
    customers: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    disk_mb: float

    @property
    def met(self) -> bool:
        """Whether it is within the bar, which is of time at its own size only."""
        return self.peak_mb <= BAR_MB and (self.events > BAR_EVENTS or self.seconds <= BAR_SECONDS)


def build(home: Path, events: int) -> Built:
    """Build the features of a history of ``events`` events, which is written where none is."""
    if not (home / "history" / "exported.json").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        write_history(home, events)
    shutil.rmtree(home / "features", ignore_errors=True)
    words = ("features", "build", "--as-of", AS_OF.isoformat())
    measured = measure(f"features of {events:,} events", home, *words)
    disk = sum(file.stat().st_size for file in (home / "features").rglob("*.parquet"))
    return Built(
        events=events,
        customers=events // EVENTS_PER_CUSTOMER,
        seconds=measured.seconds,
        cpu_seconds=measured.cpu_seconds,
        peak_mb=measured.peak_mb,
        disk_mb=disk / (1 << 20),
    )


def growth(smaller: Built, larger: Built) -> float:
    """The exponent of time over events: 1 is linear."""
    return math.log(larger.seconds / smaller.seconds) / math.log(larger.events / smaller.events)


def main() -> None:
    """Measure a twentieth, a quarter and all of ``--events``; exit 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=BAR_EVENTS, help="of the largest history")
    parser.add_argument("--only", action="store_true", help="that size alone, not its parts")
    parser.add_argument("--homes", type=Path, help="keep the histories here, and use them again")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes = [given.events] if given.only else [given.events // part for part in (20, 4, 1)]
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder:
        homes = given.homes.resolve() if given.homes else Path(folder)
        built = []
        for events in sizes:
            print(f"{events:,} events", file=sys.stderr)
            built.append(build(homes / str(events), events))
    met = all(one.met for one in built)
    exponent = growth(*built[-2:]) if len(built) > 1 else None
    if given.json:
        runs = [{**asdict(one), "events_per_second": one.events / one.seconds} for one in built]
        answer = {"cores": os.cpu_count(), "runs": runs, "growth_exponent": exponent, "met": met}
        print(json.dumps(answer))
    else:
        for one in built:
            print(
                f"{one.events:>12,} events {one.customers:>10,} customers {one.seconds:8.1f} s "
                f"({one.cpu_seconds:.1f} s of CPU) "
                f"{one.events / one.seconds:>10,.0f} events/s {one.peak_mb:8.0f} MB at its peak, "
                f"{one.disk_mb:6.0f} MB of snapshots"
            )
        if exponent is not None:
            print(f"time grows with events to the power of {exponent:.2f} between the last two")
        bar = f"{BAR_EVENTS:,} events in {BAR_SECONDS:.0f} s, {BAR_MB:,.0f} MB"
        print(f"the bar ({bar}) is {'met' if met else 'missed'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
