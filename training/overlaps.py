"""Whether what is judged was already seen: label windows that meet, and rows that come again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from training.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Duplicates:
    """How many rows stand twice by key, and how many holdout rows repeat a fitted one."""

    keys: int
    rows: int


def overlapping(
    fitted: Sequence[datetime], holdout: Sequence[datetime], horizon_days: int
) -> list[datetime]:
    """Fitted cutoffs whose label window reaches beyond the first holdout cutoff."""
    first = min(holdout)
    return [at for at in fitted if at + timedelta(days=horizon_days) > first]


def duplicated(data: Dataset) -> Duplicates:
    """Rows of one customer at one cutoff, and holdout rows equal to one fitted before.

    A customer's ages move from cutoff to cutoff, so that two rows of the same customer with the
    same values are one row.
    """
    customers = np.unique(data.customers, return_inverse=True)[1]
    keys = np.column_stack([customers, data.cutoffs])
    twice = len(keys) - len(np.unique(keys, axis=0))
    numbers = [
        np.nan_to_num(np.asarray(column, dtype=np.float64), nan=-1.0)
        for column in data.columns.values()
        if column.dtype != object
    ]
    rows = np.column_stack([customers.astype(np.float64), *numbers])
    fitted, held = (rows[data.at(cutoffs)] for cutoffs in (data.plan.refit, data.plan.holdout))
    seen = {row.tobytes() for row in np.ascontiguousarray(fitted)}
    again = sum(row.tobytes() in seen for row in np.ascontiguousarray(held))
    return Duplicates(twice, again)
