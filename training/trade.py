"""Trade: the shop's orders of all customers together, which its season is read from."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.predictors.trees import Floats

Mask = NDArray[np.bool_]


class Histories(NamedTuple):
    """Of n customers: orders ever, days since the last and the first, and net spend, each (n,)."""

    orders: Floats
    since_last: Floats
    since_first: Floats
    spend: Floats


@dataclass(frozen=True, slots=True)
class Trade:
    """Orders and returns in the order of time.

    Attributes:
        customers: a number per customer, from zero, (n,).
        moments: epoch microseconds, (n,).
        is_order: false for a return, whose value is negative.
        first, last: when the record begins, and the moment until which it was read.
    """

    customers: NDArray[np.intp]
    moments: NDArray[np.int64]
    is_order: Mask
    value: Floats
    first: int
    last: int

    @classmethod
    def of(cls, orders: pa.Table, as_of: datetime) -> Self:
        """What was known at ``as_of`` of ``customer_id, ts, is_order, value``."""
        moments = orders.column("ts").cast(pa.int64()).to_numpy()
        order = np.argsort(moments, kind="stable")
        order = order[moments[order] <= to_micros(as_of)]
        ids = orders.column("customer_id").cast(pa.string()).combine_chunks()
        codes = ids.dictionary_encode().indices.to_numpy()
        is_order = orders.column("is_order").to_numpy(zero_copy_only=False)
        value = orders.column("value").cast(pa.float64()).to_numpy()
        last = to_micros(as_of)
        return cls(
            codes[order].astype(np.intp),
            moments[order],
            is_order[order].astype(np.bool_),
            value[order],
            int(moments[order[0]]) if len(order) else last,
            last,
        )

    def until(self, moment: int) -> "Trade":
        """What was known at ``moment``."""
        return replace(self._at(self.moments <= moment), last=min(moment, self.last))

    def within(self, start: float, days: float) -> "Trade":
        """The ``days`` after ``start``."""
        ends = [start, start + days * MICROSECONDS_PER_DAY]
        left, right = np.searchsorted(self.moments, ends, side="right")
        return self._at(slice(left, right))

    def repeated(self, days: float) -> "Trade":
        """With its last ``days`` appended once more, after its end."""
        span = days * MICROSECONDS_PER_DAY
        again = self._at(self.moments > self.last - span)
        return replace(
            self,
            customers=np.concatenate([self.customers, again.customers]),
            moments=np.concatenate([self.moments, again.moments + int(span)]),
            is_order=np.concatenate([self.is_order, again.is_order]),
            value=np.concatenate([self.value, again.value]),
        )

    def histories(self) -> Histories:
        """Of everybody who ever ordered."""
        orders = np.bincount(self.customers[self.is_order])
        count = len(orders)
        first, last = np.full(count, self.last), np.full(count, self.first)
        np.minimum.at(first, self.customers[self.is_order], self.moments[self.is_order])
        np.maximum.at(last, self.customers[self.is_order], self.moments[self.is_order])
        brought = np.bincount(self.customers, self.value, minlength=count)[:count]
        there = orders > 0
        since_first, since_last = (
            (self.last - moment[there]) / MICROSECONDS_PER_DAY for moment in (first, last)
        )
        spent = np.asarray(brought[there], dtype=np.float64)
        return Histories(orders[there].astype(np.float64), since_last, since_first, spent)

    @property
    def ordered(self) -> Mask:
        """By customer: whether there is an order of theirs."""
        return np.bincount(self.customers[self.is_order]) > 0

    @property
    def buyers(self) -> float:
        """Customers with an order."""
        return float(self.ordered.sum())

    @property
    def net(self) -> float:
        """Orders less returns."""
        return float(self.value.sum())

    @property
    def net_noise(self) -> float:
        """How uncertain the logarithm of :attr:`net` is, if customers come and go by chance.

        The sum of squares of what customers brought over the square of the sum: one over their
        number where all bring the same, more where a few bring most.
        """
        by_customer = np.bincount(self.customers, self.value)
        return float((by_customer**2).sum() / max(self.net, 1e-9) ** 2)

    def _at(self, which: Mask | slice) -> "Trade":
        return replace(
            self,
            customers=self.customers[which],
            moments=self.moments[which],
            is_order=self.is_order[which],
            value=self.value[which],
        )
