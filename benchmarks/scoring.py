"""Tree rows and microseconds per customer of three heads, in batch on one core."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feature_repo import offline
from retain import champions, settings
from retain.columns import Columns
from retain.database import connect
from retain.features.ageing import aged
from retain.features.matrix import to_matrix
from retain.ledger import Ledger
from retain.manifest import ModelFeature
from retain.predictors.trees import Trees

ABOUT = """
Asks the champions of --home, which must have been trained, for the scores of everybody with an
order in the year before --as-of: from read-time features to churn probability, purchase curve and
value with its interval. Processor time, the best of --repeats; rows of trees are counted where
they are asked for. Exit code 1 where a bar is missed: 4 rows, 25 microseconds.
"""
MOST_ROWS = 4.0
MOST_MICROSECONDS = 25.0
ORDERED_WITHIN_DAYS = 365

Heads = dict[str, Callable[[], object]]


def main() -> None:
    """Measure, print a line per head and one of JSON."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--as-of", type=datetime.fromisoformat, required=True)
    parser.add_argument("--customers", type=int, default=20_000, help="at most so many")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    at = asked.as_of if asked.as_of.tzinfo else asked.as_of.replace(tzinfo=UTC)
    heads, customers = _heads(settings.load({}, home=asked.home), at, asked.customers)
    measured = {
        name: (_rows(ask) / customers, _seconds(ask, asked.repeats) / customers * 1e6)
        for name, ask in heads.items()
    }
    rows, micros = (sum(column) for column in zip(*measured.values(), strict=True))
    for name, (own_rows, own_micros) in [*measured.items(), ("all", (rows, micros))]:
        print(f"{name:<14} {own_rows:4.1f} tree rows {own_micros:7.2f} µs per customer")
    missed = rows > MOST_ROWS or micros > MOST_MICROSECONDS
    print(json.dumps({"customers": customers, "tree_rows": rows, "microseconds": micros}))
    sys.exit(missed)


def _heads(home: settings.Settings, at: datetime, most: int) -> tuple[Heads, int]:
    offline.export_history(home)
    with closing(offline.buyers_at(home, at, within_days=ORDERED_WITHIN_DAYS, most=most)) as parts:
        table, _ = next(parts)
    columns: Columns = aged(table)
    as_of = table.column("as_of").to_numpy().astype("datetime64[us]")
    found = champions.load(Ledger(connect(home.database_url)), home.bentoml_home)
    if not (found.churn and found.next_purchase and found.ltv):
        sys.exit("churn, next_purchase and ltv need champions: run `retain train` first")
    churn, curve, ltv = found.churn, found.next_purchase, found.ltv

    def matrix(features: Sequence[ModelFeature]) -> NDArray[np.float64]:
        return to_matrix(columns, features)

    asked: Heads = {
        "churn": lambda: churn.probability(matrix(churn.manifest.features), as_of),
        "next_purchase": lambda: curve.curve(matrix(curve.manifest.features), as_of),
        "ltv": lambda: ltv.value(matrix(ltv.manifest.features), as_of),
    }
    return asked, len(as_of)


def _rows(ask: Callable[[], object]) -> int:
    counted, honest = 0, Trees.raw

    def counting(self: Trees, given: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal counted
        counted += len(given)
        return honest(self, given)

    Trees.raw = counting  # type: ignore[assignment,method-assign]
    try:
        ask()
    finally:
        Trees.raw = honest  # type: ignore[method-assign]
    return counted


def _seconds(ask: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        ask()
        taken.append(time.process_time() - began)
    return min(taken)


if __name__ == "__main__":
    # one core: the libraries' own threads would hide what it costs
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    main()
