"""Churn, 30-day purchase and LTV beside the rules and BG/NBD on a real shop, judged from outside.

The models are trained by `retain train --as-of T` on what was known before T and scored by
`retain score`; the labels are read from the history after T. Source of the default data: "Online
Retail II", D. Chen, UCI Machine Learning Repository (CC BY 4.0).
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.source import OfflineSource
from retain.clock import parse_utc
from retain.settings import Settings, load
from training.bootstrap import Bootstrap
from training.btyd import BgNbd, GammaGamma
from training.metrics import AUC, SPEARMAN, Metric

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Everyone with an order in the 365 days before the cutoff: past, scores and outcome."""

    frame: pd.DataFrame

    def column(self, name: str) -> Floats:
        """One column, (n,)."""
        return self.frame[name].to_numpy(dtype=np.float64)


def judged(settings: Settings, scores: Path, at: datetime, horizon_days: int) -> Judged:
    """Join scores with what happened before and after ``at``."""
    orders = OfflineSource(settings, at + timedelta(days=horizon_days)).orders().to_pandas()
    orders["value"] = orders["value"].astype(float)
    past, later = orders[orders.ts <= at], orders[orders.ts > at]
    placed = past[past.is_order]
    frame = placed.groupby("customer_id").agg(
        first=("ts", "min"), last=("ts", "max"), orders=("ts", "size"), mean=("value", "mean")
    )
    frame["recency"] = (at - frame["last"]).dt.total_seconds() / 86_400
    frame["age"] = (at - frame["first"]).dt.total_seconds() / 86_400
    for days in (90, 365):
        recent = past[past.ts > at - timedelta(days=days)]
        frame[f"spend_{days}d"] = recent.groupby("customer_id").value.sum()
    frame["revenue"] = later.groupby("customer_id").value.sum()
    for days in (30, horizon_days):
        soon = later[later.is_order & (later.ts <= at + timedelta(days=days))]
        frame[f"orders_{days}d"] = soon.groupby("customer_id").size()
    frame = frame.fillna(0.0)[frame.recency < 365]
    frame = frame.join(pq.read_table(scores).to_pandas().set_index("customer_id"), how="inner")
    return Judged(_with_btyd(frame, horizon_days))


def _with_btyd(frame: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    repeats = frame.orders.to_numpy(float) - 1
    between = (frame.age - frame.recency).to_numpy(float)
    age = frame.age.to_numpy(float)
    model = BgNbd.fit(repeats, between, age)
    value = GammaGamma.fit(frame.orders.to_numpy(float), frame["mean"].to_numpy(float))
    spend = value.expected_value(frame.orders.to_numpy(float), frame["mean"].to_numpy(float))
    for days in (30, horizon_days):
        frame[f"bgnbd_{days}d"] = model.probability_order(repeats, between, age, float(days))
    frame["bgnbd_revenue"] = model.expected_orders(repeats, between, age, horizon_days) * spend
    return frame


def rows(
    data: Judged, horizon_days: int
) -> Iterable[tuple[str, Metric, Floats, Floats, dict[str, Floats]]]:
    """Head, metric, truth, our score, and the peers' scores."""
    churned = (data.column(f"orders_{horizon_days}d") == 0).astype(float)
    soon = (data.column("orders_30d") > 0).astype(float)
    yield (
        "churn",
        AUC,
        churned,
        data.column("churn_probability"),
        {
            "recency": data.column("recency"),
            "BG/NBD": -data.column(f"bgnbd_{horizon_days}d"),
        },
    )
    yield (
        "purchase in 30 d",
        AUC,
        soon,
        data.column("purchase_probability_30d"),
        {
            "recency": -data.column("recency"),
            "BG/NBD": data.column("bgnbd_30d"),
        },
    )
    yield (
        "LTV",
        SPEARMAN,
        data.column("revenue"),
        data.column("ltv_value"),
        {
            "spend of the last 90 d": data.column("spend_90d"),
            "spend of the last 365 d": data.column("spend_365d"),
            "BG/NBD and Gamma-Gamma": data.column("bgnbd_revenue"),
        },
    )


def main() -> None:
    """Import, train, score, judge, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--format", default="online-retail")
    parser.add_argument("--as-of", default="2011-03-10")
    parser.add_argument("--horizon-days", type=int, default=90)
    parser.add_argument("--home", type=Path, default=None, help="keep state here between runs")
    given = parser.parse_args()
    data = given.data or load().data / "online_retail_2009_2011.parquet"
    if not data.exists():
        sys.exit(f"{data} is not there; give --data, or set RETAIN_DATA to its folder")
    with tempfile.TemporaryDirectory(prefix="retain-bench-") as folder:
        home, out = given.home or Path(folder, "home"), Path(folder, "scores.parquet")
        horizon = str(given.horizon_days)
        _retain(home, "import", str(data), "--format", given.format)
        _retain(home, "train", "--as-of", given.as_of, "--horizon-days", horizon)
        _retain(home, "score", "--as-of", given.as_of, "--out", str(out))
        at = parse_utc(given.as_of, field="--as-of")
        _print(judged(load(home=home), out, at, given.horizon_days), given)


def _retain(home: Path, *words: str) -> None:
    command = [sys.executable, "-m", "cli.main", "--home", str(home), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


def _print(data: Judged, given: argparse.Namespace) -> None:
    customers = data.frame.index.to_numpy()
    resampled = Bootstrap(customers, seed=7, replicates=500)
    print(f"as of {given.as_of}, {given.horizon_days} days, {len(customers):,} customers\n")
    print("| score | metric | Retain | peer | its value | difference (95 % interval) |")
    print("|---|---|---|---|---|---|")
    for head, metric, truth, ours, peers in rows(data, given.horizon_days):
        for peer, theirs in peers.items():
            found = resampled.compare(metric, truth, ours, theirs)
            d = found.difference
            print(
                f"| {head} | {metric.name} | {found.model.value:.3f} | {peer} "
                f"| {found.rule.value:.3f} | {d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}] |"
            )
    level = data.column("ltv_value").sum() / data.column("revenue").sum() - 1
    inside = (data.column("revenue") >= data.column("ltv_low")) & (
        data.column("revenue") <= data.column("ltv_high")
    )
    print(f"\ntotal predicted revenue {level:+.0%}; the 80 % interval covers {inside.mean():.0%}")


if __name__ == "__main__":
    main()
