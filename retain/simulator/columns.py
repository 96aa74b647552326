"""Array types, and ragged columns: many rows per customer without a loop.

A ragged column is flat; ``counts`` (n,) says how many of its rows belong to each owner.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MILLISECOND = 1_000
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NEVER = 2**62  # a time after every other; microseconds like all times here


def owners(counts: IntArray) -> IntArray:
    """The owner's number of each row, (sum of counts,)."""
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def positions(counts: IntArray) -> IntArray:
    """0, 1, 2 … within each owner, (sum of counts,)."""
    starts = np.cumsum(counts) - counts
    return np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(starts, counts)


def running_sum(values: FloatArray, counts: IntArray) -> FloatArray:
    """The cumulative sum of ``values``, starting anew with each owner."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.cumsum(counts) - counts
    return np.asarray(total[1:] - np.repeat(total[starts], counts), dtype=np.float64)


def pick(rng: np.random.Generator, weights: Sequence[float] | FloatArray, size: int) -> IntArray:
    """``size`` independent indices into ``weights``, drawn in proportion to them."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    draws = np.searchsorted(edges / edges[-1], rng.random(size), side="right")
    return np.minimum(draws, len(edges) - 1).astype(np.int64)


def chance(rng: np.random.Generator, probability: FloatArray | float, size: int) -> BoolArray:
    """One coin per row, each with its own ``probability``."""
    return np.asarray(rng.random(size) < probability, dtype=np.bool_)


def micros(values: FloatArray) -> IntArray:
    """Microseconds as whole milliseconds, which is what trackers report."""
    return (np.asarray(values) // MILLISECOND).astype(np.int64) * MILLISECOND


def day_of(times: IntArray) -> IntArray:
    """Midnight (UTC) of the day of each time."""
    return times // DAY * DAY
