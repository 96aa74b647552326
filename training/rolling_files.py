"""A rolling evaluation beside its run: numbers as JSON, scores and outcomes as Parquet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retain.clock import iso, parse_utc
from training.comparisons import as_json, standings
from training.holdout import plain
from training.rolling import Rolled
from training.verdict import judge

NUMBERS = "rolling.json"
SCORES = "rolling.parquet"


@dataclass(frozen=True, slots=True)
class RollingFiles:
    """What was read back: the JSON, and the table of scores and outcomes."""

    numbers: Mapping[str, Any]
    scores: pa.Table

    def at(self, as_of: datetime, horizon_days: int) -> Mapping[str, np.ndarray]:
        """The columns of one cutoff, by name, each (n,)."""
        cutoff = (self.scores.column("as_of").to_numpy() == _micros(as_of)) & (
            self.scores.column("horizon_days").to_numpy() == horizon_days
        )
        rows = self.scores.filter(pa.array(cutoff))
        return {name: rows.column(name).to_numpy() for name in rows.column_names}


def write(folder: Path, rolled: Rolled, seed: int) -> dict[str, Any]:
    """Judge ``rolled``, write both files into the run's ``folder``, and return the JSON."""
    found = [(one, standings(one, seed)) for one in rolled.scored]
    verdict = judge([(one.cutoff, standing) for one, standing in found])
    content = {
        "verdict": verdict.as_json(),
        "cutoffs": [as_json(one, standing) for one, standing in found],
        "skipped": dict(rolled.skipped),
        "seed": seed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(_table(rolled), folder / SCORES, compression="zstd")
    # last, so that numbers without scores are never there
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / NUMBERS).write_text(text + "\n", encoding="utf-8")
    return content


def read(folder: Path) -> RollingFiles | None:
    """The rolling evaluation beside a run; None where there is none."""
    if not (folder / NUMBERS).is_file() or not (folder / SCORES).is_file():
        return None
    numbers = json.loads((folder / NUMBERS).read_text("utf-8"))
    return RollingFiles(numbers, pq.read_table(folder / SCORES))


def text(content: Mapping[str, Any]) -> str:
    """The verdict and its means, in lines of at most 100 columns."""
    verdict = content["verdict"]
    lines = [f"Rolling cutoffs: {verdict['cutoffs']} counted, {len(content['cutoffs'])} scored", ""]
    lines += [
        f"{'met   ' if bar['met'] else 'MISSED'}  {bar['sentence']}" for bar in verdict["bars"]
    ]
    lines += ["", f"{'mean over cutoffs':<20}{'retain':>10}{'blend':>10}  best baseline"]
    for name, means in verdict["means"].items():
        if "retain" not in means:
            continue
        lines.append(
            f"{name:<20}{means['retain']:>10.4f}{means.get('blend', np.nan):>10.4f}  "
            f"{_best(name, means)}"
        )
    lines += [f"skipped {name}: {why}" for name, why in content["skipped"].items()]
    return "\n".join(lines)


def _best(metric: str, means: Mapping[str, float]) -> str:
    rivals = {name: value for name, value in means.items() if name != "retain"}
    rises = metric.endswith(("_auc", "_gini", "_30d")) and "ece" not in metric
    best = (max if rises else min)(rivals, key=lambda name: rivals[name])
    return f"{best} {rivals[best]:.4f}"


def _table(rolled: Rolled) -> pa.Table:
    tables = []
    for one in rolled.scored:
        rows = len(one.customers)
        columns: dict[str, Any] = {
            "as_of": np.full(rows, _micros(one.cutoff.as_of), dtype=np.int64),
            "horizon_days": np.full(rows, one.cutoff.horizon_days, dtype=np.int64),
            "customer_id": list(one.customers),
            **{name: plain(column) for name, column in one.columns.items()},
            **one.outcomes,
            "retain.low": one.low,
            "retain.high": one.high,
        }
        for name, answers in one.answers.items():
            for part in ("leaves", "soon", "value"):
                values = getattr(answers, part)
                columns[f"{name}.{part}"] = np.full(rows, np.nan) if values is None else values
        tables.append(pa.table(columns))
    return pa.concat_tables(tables, promote_options="default")


def _micros(moment: datetime) -> int:
    return round(parse_utc(iso(moment), field="as_of").timestamp() * 1_000_000)
