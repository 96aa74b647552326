"""What is out of stock and what it costs at a moment, kept in memory beside the product feed."""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from retain.clock import to_micros
from retain.errors import StoreUnavailable
from retain.products import Products

LOOK_AGAIN_SECONDS = 30.0
"""A change of the feed is seen within this time."""

_MOMENTS = 8


@dataclass(frozen=True, eq=False, slots=True)
class StockState:
    """Products at one moment; who is in neither is for sale at a price nobody told."""

    out_of_stock: frozenset[str] = frozenset()
    prices: Mapping[str, float] = field(default_factory=dict)


EMPTY = StockState()


class Stock:
    """States of the feed by moment; the same object for as long as nothing changes."""

    def __init__(self, products: Products, tick: Callable[[], float] = time.monotonic) -> None:
        self._products = products
        self._tick = tick
        self._alone = Lock()
        self._read: tuple[float, int] | None = None
        self._changes: list[tuple[int, int, str, float | None, bool | None]] = []
        self._moments: list[int] = []
        self._states: dict[int, StockState] = {}

    def at(self, as_of: datetime) -> StockState:
        """What was known at ``as_of``.

        Raises:
            StoreUnavailable: the feed was never read and cannot be; later, what was read holds.
        """
        with self._alone:
            self._refresh()
            known = bisect_right(self._moments, to_micros(as_of))
            state = self._states.get(known)
            if state is None:
                if len(self._states) >= _MOMENTS:
                    self._states.pop(next(iter(self._states)))
                state = self._states[known] = self._state(known)
            return state

    def _refresh(self) -> None:
        now = self._tick()
        if self._read is not None and now - self._read[0] < LOOK_AGAIN_SECONDS:
            return
        try:
            last = self._products.last_seq()
            if self._read is None or last != self._read[1]:
                self._changes = self._products.changes()
                self._moments = [at for at, *_ in self._changes]
                self._states.clear()
        except StoreUnavailable:
            if self._read is None:
                raise
            last = self._read[1]
        self._read = (now, last)

    def _state(self, known: int) -> StockState:
        if not known:
            return EMPTY
        out: set[str] = set()
        prices: dict[str, float] = {}
        for _, _, product, price, in_stock in self._changes[:known]:
            (out.add if in_stock is False else out.discard)(product)
            if price is None:
                prices.pop(product, None)
            else:
                prices[product] = price
        return StockState(frozenset(out), prices)
