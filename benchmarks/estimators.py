"""How often 95 % intervals of off-policy estimators hold the truth of simulated shops."""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.bootstrap import Bootstrap
from training.policies.estimators import (
    DR,
    IPS,
    REPLICATES,
    SNDR,
    SNIPS,
    Estimator,
    effective_sample_size,
    estimate,
)
from training.policies.simulated import Simulated, campaigns, exploring

ABOUT = """
Every replication is a shop of its own. Its campaigns (one action or a hold-out, by chance) and the
decisions of an exploring policy (five actions, probabilities from 0.05 to 0.8) are logged; each
estimator says with a 95 % interval over resampled customers what other policies would have
brought. The truth is the mean true probability of an order under the policy, over the customers of
all shops. Exit code 1 where an estimator of the bar covers less than 92 % or more than 98 % on
average over the policies. Clipped and switched estimators trade bias for variance and stand
outside the bar.
"""
BAR = (0.92, 0.98)
BARRED: Mapping[str, Estimator] = {"IPS": IPS, "SNIPS": SNIPS, "DR": DR, "SNDR": SNDR}
OTHERS: Mapping[str, Estimator] = {
    "clipped IPS": Estimator("ips", clip=5.0),
    "switch DR": Estimator("dr", switch=5.0),
    "DM": Estimator("dm"),
}
LOGS: Mapping[str, Callable[[int, int], Simulated]] = {
    "campaigns": campaigns,
    "exploring": exploring,
}
Cell = tuple[str, str, str]


@dataclass(slots=True)
class Kept:
    """What one estimator said of one policy in every replication."""

    values: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Coverage, bias and width."""
        truth = float(np.average(self.truths, weights=self.rows))
        lows, highs, values = (np.array(one) for one in (self.lows, self.highs, self.values))
        return {
            "truth": truth,
            "coverage": float(((lows <= truth) & (truth <= highs)).mean()),
            "bias": float(values.mean() - truth),
            "spread": float(values.std(ddof=1)),
            "width": float((highs - lows).mean()),
            "ess": float(np.mean(self.sizes)),
            "rows": float(np.mean(self.rows)),
        }


def main() -> None:
    """Replicate, print and judge."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--out", type=Path, help="also write the numbers as JSON")
    asked = parser.parse_args()
    began = time.monotonic()
    kept = replicate(asked.replications, asked.customers)
    found = {"/".join(cell): one.summary() for cell, one in kept.items()}
    missed = report(found)
    print(f"{asked.replications} replications in {time.monotonic() - began:.0f} s")
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    raise SystemExit(int(missed))


def replicate(replications: int, customers: int) -> dict[Cell, Kept]:
    """Every estimator of every policy of both logs, in every replication."""
    kept: dict[Cell, Kept] = {}
    for seed in range(replications):
        for log_name, make in LOGS.items():
            shop = make(seed, customers)
            bootstrap = Bootstrap(shop.log.units, seed, REPLICATES)
            for policy_name, policy in shop.policies().items():
                size = effective_sample_size(policy, shop.log)
                for name, estimator in (BARRED | OTHERS).items():
                    found = estimate(estimator, policy, shop.log, bootstrap, model=shop.guess)
                    one = kept.setdefault((log_name, policy_name, name), Kept())
                    one.values.append(found.value)
                    one.lows.append(found.low)
                    one.highs.append(found.high)
                    one.sizes.append(size)
                    one.truths.append(shop.value(policy))
                    one.rows.append(len(shop.log))
    return kept


def report(found: Mapping[str, Mapping[str, float]]) -> bool:
    """Print a line per cell and the means; whether the bar was missed."""
    print(f"{'log/policy/estimator':<48}{'truth':>8}{'bias':>9}{'cover':>7}{'width':>8}{'ESS':>7}")
    for name, one in found.items():
        print(
            f"{name:<48}{one['truth']:8.4f}{one['bias']:+9.4f}{one['coverage']:7.3f}"
            f"{one['width']:8.4f}{one['ess']:7.0f}"
        )
    missed = False
    for estimator in (*BARRED, *OTHERS):
        cells = [one["coverage"] for name, one in found.items() if name.endswith(f"/{estimator}")]
        mean = float(np.mean(cells))
        barred = estimator in BARRED
        outside = barred and not BAR[0] <= mean <= BAR[1]
        missed |= outside
        word = ("MISSED" if outside else "held") if barred else "no bar"
        span = f"{min(cells):.3f} to {max(cells):.3f}"
        print(f"{estimator:<12} mean coverage {mean:.3f} ({span}) {word}")
    return missed


if __name__ == "__main__":
    main()
