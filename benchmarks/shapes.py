"""Shops of other shapes over the command line, judged from outside: import, train, score, serve."""

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from shaped.judging import Judgement, judge
from shaped.shop import Case, File, Shop
from shaped.shops import SHOPS

from cli.service_process import ServiceProcess
from tests.same_scores import FIELDS

ABOUT = """
Every shop is made from a seed, imported, trained as of a moment in its past, and scored; what its
customers did after that moment is read from the file itself. The labels, rules and measures here
are the judge's own. Exit code 1 where a bar is missed.
"""
# a hair above the worst seen: a bar that is missed is something that broke, not bad luck
BARS = {"auc_below_rule": 0.02, "level": 0.25, "buyers": 0.2, "error": 0.08}
COVERAGE = (0.65, 0.96)
FEWEST_BUYERS = 200
_ASKED = 200


class Retain:
    """The command line over one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`retain words…`, with what it said."""
        command = [sys.executable, "-m", "cli.main", "--home", str(self.home), *words]
        return subprocess.run(  # noqa: S603 - our own words
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "200"},
        )

    def take(self, file: File, folder: Path) -> Iterator[str]:
        """Import ``file``; yields what is wrong with the account of it."""
        words = ["import", str(file.path), "--format", file.format, "--json"]
        if file.mapping:
            (folder / f"{file.path.stem}.yaml").write_text(file.mapping)
            words += ["--map", str(folder / f"{file.path.stem}.yaml")]
        done = self.run(*words)
        if done.returncode:
            yield f"import of {file.path.name} failed: {done.stderr.strip()}"
            return
        told = json.loads(done.stdout)
        aside = {reason: entry["rows"] for reason, entry in told["set_aside"].items()}
        if (told["rows_kept"], aside) != (file.kept, dict(file.aside)):
            yield (f"{file.path.name}: kept {told['rows_kept']} and set aside {aside}, "
                   f"expected {file.kept} and {dict(file.aside)}")  # fmt: skip

    def agrees(self, scores: pd.DataFrame, at: str) -> Iterator[str]:
        """Ask `/predict` for some of ``scores``; yields where the two differ."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        some = scores.sample(min(_ASKED, len(scores)), random_state=7)
        with ServiceProcess(self.home, port, as_of=at) as service:
            service.wait_until_ready()
            answers = service.predict(some["customer_id"].tolist())
        for (_, row), answer in zip(some.iterrows(), answers, strict=True):
            yield from _differences(row, answer)


def _differences(row: "pd.Series[Any]", answer: dict[str, Any]) -> Iterator[str]:
    if row["status"] != answer["status"]:
        yield f"{row['customer_id']}: status {row['status']} and {answer['status']}"
    for column, (part, name) in FIELDS.items():
        told = (answer.get(part) or {}).get(name)
        withheld = part != "segment" and (answer.get(part) or {}).get("status") != "ok"
        batch = row[column]
        if withheld and told is None:
            continue
        if isinstance(batch, pd.Timestamp):
            same = told is not None and pd.Timestamp(told) == batch
        elif isinstance(batch, float):
            same = told == batch or (told is None and math.isnan(batch))
        else:
            same = told == batch or (told is None and pd.isna(batch))
        if not same:
            yield f"{row['customer_id']}: {column} is {batch} in the file and {told} in /predict"


def check(shop: Shop, case: Case, retain: Retain, *, asked: bool) -> Iterator[str]:
    """Train, score and judge one case; prints its line and yields the bars it misses."""
    what = f"{shop.name} as of {case.as_of}, {case.horizon_days} days"
    given = ["--as-of", case.as_of, "--horizon-days", str(case.horizon_days), *case.words]
    trained = retain.run("train", *given)
    said = " ".join(trained.stderr.split())
    if case.refused:
        refusal = said.partition("retain: ")[2]
        print(f"| {what} | refused: {refusal} |")
        if trained.returncode != 1 or case.refused not in refusal or "remedy" not in refusal:
            yield f"{what}: expected a refusal that speaks of {case.refused}, got {said[-300:]}"
        return
    if trained.returncode:
        yield f"{what}: training failed: {said[-300:]}"
        return
    out = retain.home / "scores.parquet"
    scored = retain.run("score", "--as-of", case.as_of, "--out", str(out))
    if scored.returncode:
        yield f"{what}: scoring failed: {scored.stderr.strip()[-300:]}"
        return
    scores = pd.read_parquet(out)
    found = judge(
        shop.orders, scores, pd.Timestamp(case.as_of, tz="UTC"), case.horizon_days, case.last_days
    )
    print(f"| {what} | {_line(found)} |")
    yield from (f"{what}: {miss}" for miss in missed(found))
    if asked:
        differences = list(retain.agrees(scores, case.as_of))
        if differences:
            yield f"{what}: {len(differences)} fields differ from /predict, like {differences[0]}"


def missed(found: Judgement) -> Iterator[str]:
    """The bars that are missed, in words; few buyers are judged by nothing but their number."""
    if found.missing:
        yield f"{found.missing} customers with an order in the last 365 days have no score"
    if not found.buyers:
        yield "churn has no scores"
    elif found.buyers[1] >= FEWEST_BUYERS:
        best = max(value for name, value in found.auc.items() if name != "Retain")
        if found.auc["Retain"] < best - BARS["auc_below_rule"]:
            yield f"AUC {found.auc['Retain']:.3f}, a rule has {best:.3f}"
        if abs(found.buyers[0] / found.buyers[1] - 1) > BARS["buyers"]:
            yield f"{found.buyers[0]:.0f} buyers predicted, {found.buyers[1]} came"
        if found.error is not None and found.error > BARS["error"]:
            yield f"calibration error {found.error:.3f}"
    if found.revenue and found.revenue[1]:
        if abs(found.revenue[0] / found.revenue[1] - 1) > BARS["level"]:
            yield f"revenue {found.revenue[0]:,.0f} predicted, {found.revenue[1]:,.0f} came"
        if found.coverage is not None and not COVERAGE[0] <= found.coverage <= COVERAGE[1]:
            yield f"the 80 % interval covers {found.coverage:.0%}"


def _line(found: Judgement) -> str:
    parts = [f"{found.customers:,}"]
    if found.buyers:
        predicted, came = found.buyers
        rules = ", ".join(f"{name} {value:.3f}" for name, value in found.auc.items())
        parts += [f"{predicted / came - 1:+.0%} of {came:,}" if came else "none", rules]
        parts += [f"{found.error:.3f}"]
    if found.revenue and found.revenue[1]:
        rules = ", ".join(f"{name} {value:.3f}" for name, value in found.gini.items())
        parts += [f"{found.revenue[0] / found.revenue[1] - 1:+.0%}", rules, f"{found.coverage:.0%}"]
    return " | ".join(parts)


def examine(name: str, folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """One shop through everything; yields what is wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        shop = SHOPS[name](folder, given.size)
    except FileNotFoundError as error:
        print(f"| {name} | not looked at: {error} |")
        return
    retain = Retain(folder / "home")
    for file in shop.files:
        yield from retain.take(file, folder)
    last = max((n for n, case in enumerate(shop.cases) if not case.refused), default=-1)
    for number, case in enumerate(shop.cases):
        yield from check(shop, case, retain, asked=number == last)


def main(words: Sequence[str] | None = None) -> None:
    """Every shop, or those named; prints a table and what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=ABOUT)
    parser.add_argument("--only", choices=SHOPS, nargs="*", default=list(SHOPS))
    parser.add_argument("--size", type=float, default=1.0, help="share of the customers")
    parser.add_argument("--home", type=Path, default=None, help="keep state here")
    given = parser.parse_args(words)
    np.seterr(all="raise", under="ignore")
    print("| shop | customers | buyers | AUC | calibration error | revenue | Gini | coverage |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="retain-shapes-") as folder:
        root = given.home or Path(folder)
        wrong = 0
        for name in given.only:
            for miss in examine(name, root / name, given):
                print(f"MISSED: {miss}", flush=True)
                wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
