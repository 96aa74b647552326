"""What somebody who knows the simulator's truth would have said: the ceiling of any model.

The oracle knows each customer's own rate, rhythm and spend, whether they have left, and when they
will leave; it does not know on which days orders will fall, nor the season and the campaigns.
Orders follow a renewal process with gamma-distributed gaps, as the simulator makes them.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import gammaincc

from retain.clock import MICROSECONDS_PER_DAY
from retain.errors import InvalidInput
from retain.predictors.trees import Floats

_DAYS_PER_YEAR = 365.0
_NEEDED = ("customer_id", "churned_at", "orders_per_year", "gap_shape", "spend_per_order")


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the truth says of n rows: probability of no order, and expected revenue; NaN if unknown.

    ``known`` says of which rows there is a truth.
    """

    leaves: Floats
    value: Floats
    known: np.ndarray


def check(truth: pa.Table) -> pa.Table:
    """The same table.

    Raises:
        InvalidInput: it is no table of the simulator's truth.
    """
    absent = [name for name in _NEEDED if name not in truth.column_names]
    if absent:
        raise InvalidInput(
            f"no truth of a simulated shop: {', '.join(absent)} missing",
            remedy="give the truth.parquet that `retain simulate` wrote",
            field="--truth",
        )
    return truth


def ask(
    truth: pa.Table,
    customers: np.ndarray,
    as_of_micros: np.ndarray,
    recency_days: Floats,
    horizon_days: int,
) -> Oracle:
    """The oracle's answers for rows of (customer, moment).

    Args:
        truth: as `retain simulate` writes it, one row per customer.
        customers: ids, (n,).
        as_of_micros: moments, epoch microseconds, (n,).
        recency_days: days since the last order, (n,).
        horizon_days: how far ahead the labels look.
    """
    place = {one: row for row, one in enumerate(truth.column("customer_id").to_pylist())}
    rows = np.array([place.get(one, -1) for one in customers], dtype=np.intp)
    known = rows >= 0

    def column(name: str) -> Floats:
        values = truth.column(name)
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())
        found = np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
        return np.where(known, found[np.maximum(rows, 0)], np.nan)

    leaves_at = column("churned_at")
    left_in = (leaves_at - as_of_micros) / MICROSECONDS_PER_DAY
    stays = np.where(np.isnan(leaves_at), float(horizon_days), left_in)
    within = np.clip(stays, 0.0, float(horizon_days))
    shape, rate = column("gap_shape"), column("orders_per_year") / _DAYS_PER_YEAR
    silent = _silence(np.maximum(recency_days, 0.0), within, shape, rate)
    value = rate * within * column("spend_per_order")
    return Oracle(np.where(known, silent, np.nan), np.where(known, value, np.nan), known)


def _silence(recency: Floats, within: Floats, shape: Floats, rate: Floats) -> Floats:
    """Probability of no order in ``within`` days after ``recency`` days without one."""
    scale = shape * rate
    now = gammaincc(shape, scale * recency)
    then = gammaincc(shape, scale * (recency + within))
    # far beyond the usual gap both are nothing; there the hazard of a gamma tends to its scale
    ratio = np.where(now > 1e-12, then / np.maximum(now, 1e-300), np.exp(-scale * within))
    return np.asarray(np.clip(ratio, 0.0, 1.0))
