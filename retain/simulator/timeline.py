"""Look-ups in many customers' times at once: how many, which last, any in between."""

import numpy as np

from retain.simulator.columns import NEVER, BoolArray, IntArray

_LONGEST = 1 << 49  # microseconds, about 17 years: the customer's number stands above it


class Timeline:
    """Times of many customers, kept as one sorted column of (customer, time) keys."""

    def __init__(self, customer: IntArray, ts: IntArray, since: int) -> None:
        self._since = since
        self._keys = np.sort(self._key(customer, ts))

    def _key(self, customer: IntArray, ts: IntArray) -> IntArray:
        inside = np.clip(ts - self._since, 0, _LONGEST - 1)
        return np.asarray(customer * _LONGEST + inside, dtype=np.int64)

    def _rows_before(self, customer: IntArray, at: IntArray) -> IntArray:
        return np.searchsorted(self._keys, self._key(customer, at)).astype(np.int64)

    def count_before(self, customer: IntArray, at: IntArray) -> IntArray:
        """How many times of each customer lie before its ``at``."""
        first = np.searchsorted(self._keys, customer * _LONGEST)
        return np.asarray(self._rows_before(customer, at) - first, dtype=np.int64)

    def last_before(self, customer: IntArray, at: IntArray) -> IntArray:
        """The last time of each customer before its ``at``; -NEVER where there is none."""
        some = self.count_before(customer, at) > 0
        row = np.maximum(self._rows_before(customer, at) - 1, 0)
        if not len(self._keys):
            return np.full(len(customer), -NEVER, dtype=np.int64)
        return np.where(some, self._keys[row] - customer * _LONGEST + self._since, -NEVER)

    def first_before(self, customer: IntArray, at: IntArray) -> IntArray:
        """The first time of each customer, where it lies before its ``at``; else -NEVER."""
        if not len(self._keys):
            return np.full(len(customer), -NEVER, dtype=np.int64)
        some = self.count_before(customer, at) > 0
        row = np.minimum(np.searchsorted(self._keys, customer * _LONGEST), len(self._keys) - 1)
        return np.where(some, self._keys[row] - customer * _LONGEST + self._since, -NEVER)

    def any_within(self, customer: IntArray, after: IntArray, until: IntArray) -> BoolArray:
        """Whether each customer has a time in ``(after, until]``."""
        more = self.count_before(customer, until + 1) > self.count_before(customer, after + 1)
        return np.asarray(more, dtype=np.bool_)
