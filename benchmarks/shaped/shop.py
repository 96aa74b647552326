"""What a made-up shop is, and the parts several are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

Rows = pd.DataFrame


@dataclass(frozen=True)
class File:
    """One file to import; ``kept`` is how many rows must be kept, ``aside`` how many must not."""

    path: Path
    format: str
    mapping: str = ""
    kept: int = 0
    aside: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        refused: what a refusal must speak of, where there has to be one.
        words: further words of `retain train`.
        last_days: who stayed is told by the last so many days of the window, and asked of those
            alone who could still leave; 0 is an order anywhere in the window, asked of everyone.
    """

    as_of: str
    horizon_days: int
    refused: str = ""
    words: tuple[str, ...] = ()
    last_days: int = 0


@dataclass(frozen=True)
class Shop:
    """Files, and the orders in them as the judge knows them without Retain.

    ``orders``: ``customer_id, ts, value, is_order``; refunds are negative.
    """

    name: str
    files: tuple[File, ...]
    orders: Rows
    cases: tuple[Case, ...]
    customers: int


def repeating(rng: np.random.Generator, customers: int, days: int, per_year: float) -> Rows:
    """Orders of customers who come, repeat at their own rate, and may leave after each."""
    rate = rng.gamma(1.2, per_year / 1.2, customers) / 365
    leaves = rng.beta(1.0, 9.0, customers)
    rows = []
    for one, start in enumerate(rng.integers(0, days, customers) * rng.random(customers)):
        day = start
        while day < days:
            rows.append((one, int(day)))
            if rng.random() < leaves[one]:
                break
            day += 1 + rng.exponential(1 / rate[one])
    return pd.DataFrame(rows, columns=["customer", "day"]).sort_values("day", ignore_index=True)


def orders_of(
    who: "pd.Series[str]", ts: "pd.Series[pd.Timestamp]", value: "pd.Series[float]"
) -> Rows:
    """The orders as the judge knows them; what is below zero is a refund."""
    placed = value >= 0
    return pd.DataFrame({"customer_id": who, "ts": ts.dt.tz_localize("UTC"), "value": value,
                         "is_order": placed}).reset_index(drop=True)  # fmt: skip
