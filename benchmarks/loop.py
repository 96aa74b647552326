"""Twenty weeks of decide, observe and train again in a simulated shop, beside the best policy."""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from retain.predictors.trees import Floats
from training.curves import Curve
from training.policies.loop import ARMS_COMPARED, Arm, Week, run
from training.report import picture, plots

ABOUT = """
Every seed is a shop of its own. Each week half of its customers is decided for, and what the others
did in the 14 days after their last decision is known; every second week the response head is
trained again on all of it. Regret is what the best known policy - for every customer the action
that is best in truth, from traits no log shows - would have earned more per decision, in expected
profit. The first model is the catalogue's prior, the same for every action. Exit code 1 where the
regret of the exploring arm does not fall from the first four weeks to the last four, by a 95 %
interval over seeds, or is not below that of the random arm in the last four.
"""
OURS, GREEDY, RANDOM = (arm.name for arm in ARMS_COMPARED)
SPAN = 4
# Student's t at 97.5 %, by degrees of freedom
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
Found = Mapping[str, Sequence[Sequence[Week]]]


def main() -> None:
    """Run every arm on every seed, print, draw and judge."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--customers", type=int, default=4_000)
    parser.add_argument("--weeks", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for learning-loop.svg and the numbers")
    asked = parser.parse_args()
    began = time.monotonic()
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
    kept = asked.out / "learning-loop.json" if asked.out else None
    found = replicate(asked.seeds, asked.customers, asked.weeks, asked.workers, kept)
    print(table(found))
    fell = verdict(found)
    print(f"{asked.seeds} seeds in {time.monotonic() - began:.0f} s")
    if asked.out:
        (asked.out / "learning-loop.svg").write_text(picture.standalone(plot(found)), "utf-8")
    raise SystemExit(int(not fell))


def replicate(
    seeds: int, customers: int, weeks: int, workers: int, kept: Path | None = None
) -> Found:
    """Every arm on every seed; ``kept`` is written again after each."""
    jobs = [(arm, seed, customers, weeks) for seed in range(1, seeds + 1) for arm in ARMS_COMPARED]
    found: dict[str, list[list[Week]]] = {arm.name: [] for arm in ARMS_COMPARED}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for (arm, seed, *_), one in zip(jobs, pool.map(_job, jobs), strict=True):
            found[arm.name].append(one)
            first, last = (np.mean([w.regret for w in part]) for part in (one[:SPAN], one[-SPAN:]))
            print(f"{arm.name}, seed {seed}: regret {first:.3f} to {last:.3f}", flush=True)
            if kept:
                numbers = {
                    name: [[asdict(week) for week in weeks] for weeks in done]
                    for name, done in found.items()
                }
                kept.write_text(json.dumps(numbers, indent=1) + "\n")
    return found


def _job(job: tuple[Arm, int, int, int]) -> list[Week]:
    arm, seed, customers, weeks = job
    with threadpool_limits(limits=1):
        return run(arm, seed=seed, customers=customers, weeks=weeks)


def table(found: Found) -> str:
    """Mean regret over seeds by weeks, with 95 % intervals, in a table for the guide."""
    weeks = len(next(iter(found.values()))[0])
    names = {**{name: regrets(found[name]) for name in found}}
    names["exploring, of what it believes best"] = _of(found[OURS], "exploited")
    head = "| weeks | best known policy earns | " + " | ".join(f"regret, {n}" for n in names) + " |"
    rows = [head, "|---|" + "---:|" * (len(names) + 1)]
    for start in range(0, weeks, SPAN):
        cut = slice(start, min(start + SPAN, weeks))
        earned = np.array([[w.best for w in one] for one in found[OURS]])[:, cut].mean()
        cells = [_interval(values[:, cut].mean(axis=1)) for values in names.values()]
        rows.append(f"| {start + 1}-{cut.stop} | {earned:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def verdict(found: Found) -> bool:
    """Print how the regret changed, paired by seed; whether it fell."""
    ours, random, greedy = (regrets(found[name]) for name in (OURS, RANDOM, GREEDY))
    last, first = ours[:, -SPAN:].mean(axis=1), ours[:, :SPAN].mean(axis=1)
    changes = {
        f"{OURS}, last {SPAN} weeks less first {SPAN}": last - first,
        f"{OURS} less {RANDOM}, last {SPAN} weeks": last - random[:, -SPAN:].mean(axis=1),
        f"{OURS} less {GREEDY}, last {SPAN} weeks": last - greedy[:, -SPAN:].mean(axis=1),
        f"what {OURS} believes best less {GREEDY}, last {SPAN} weeks": (
            _of(found[OURS], "exploited")[:, -SPAN:] - greedy[:, -SPAN:]
        ).mean(axis=1),
        f"{OURS} less {GREEDY}, all weeks": ours.mean(axis=1) - greedy.mean(axis=1),
        f"{OURS} less {RANDOM}, all weeks": ours.mean(axis=1) - random.mean(axis=1),
    }
    for name, values in changes.items():
        print(f"{name}: {_interval(values, signed=True)}")
    slope = [float(np.polyfit(np.arange(one.size), one, 1)[0]) for one in ours]
    print(f"{OURS}, change of regret per week: {_interval(np.array(slope), signed=True)}")
    fell, below = (_bounds(values)[1] < 0 for values in list(changes.values())[:2])
    return fell and below


def plot(found: Found) -> plots.Markup:
    """Regret per week by arm, the mean over seeds and its interval."""
    weeks = np.arange(1, len(next(iter(found.values()))[0]) + 1, dtype=np.float64)
    styles = {OURS: "ours", GREEDY: "blend", RANDOM: "rule"}
    series = []
    for name, style in styles.items():
        values = regrets(found[name])
        bounds = np.array([_bounds(week) for week in values.T])
        curve = Curve(weeks, values.mean(axis=0), bounds[:, 0], bounds[:, 1])
        series.append(plots.Series(name, curve, style))
    highest = max(float(one.curve.high.max()) for one in series if one.curve.high is not None)
    return plots.lines(
        "Regret per week",
        series,
        "week",
        "expected profit lost per decision",
        x=(1.0, float(weeks[-1])),
        y=(0.0, highest * 1.05),
        x_percent=False,
        y_percent=False,
    )


def regrets(seeds: Sequence[Sequence[Week]]) -> Floats:
    """Regret by seed and week."""
    return np.array([[week.regret for week in one] for one in seeds])


def _of(seeds: Sequence[Sequence[Week]], name: str) -> Floats:
    return np.array([[week.best - getattr(week, name) for week in one] for one in seeds])


def _bounds(values: Floats) -> tuple[float, float]:
    """The 95 % interval of the mean over seeds, by Student's t."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, mean
    half = _T.get(len(values) - 1, 2.0) * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean - half, mean + half


def _interval(values: Floats, *, signed: bool = False) -> str:
    low, high = _bounds(values)
    sign = "+" if signed else ""
    return f"{values.mean():{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


if __name__ == "__main__":
    main()
