"""A simulated shop whose truth is known: the default data, and the oracle of model tests.

Everything is drawn in columns, block of customers after block, so that a shop of any size
needs the memory of one block. The same parameters give the same bytes.
"""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from retain.simulator.block import SimulatedBlock, simulate_block
from retain.simulator.catalogue import catalogue
from retain.simulator.plan import plan
from retain.simulator.write import WrittenShop, write

__all__ = ["SimulatedBlock", "WrittenShop", "blocks", "products", "simulate", "write"]


def simulate(
    customers: int = 10_000,
    *,
    seed: int = 7,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Iterator[pa.Table]:
    """Event tables (:data:`retain.event.EVENT_SCHEMA`), one per block, each in time order.

    The default window is the 548 days before 2026-10-31T00:00Z; times are cut to UTC
    midnights and events lie in ``[start, end)``.

    Raises:
        InvalidInput: no customers, a negative seed, or a window under 30 days or over
            ten years.
    """
    return (block.events for block in blocks(customers, seed=seed, start=start, end=end))


def blocks(
    customers: int = 10_000,
    *,
    seed: int = 7,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Iterator[SimulatedBlock]:
    """The blocks that :func:`simulate` takes its events from, with their truth."""
    shop = plan(customers, seed=seed, start=start, end=end)
    return (simulate_block(shop, block) for block in shop.blocks())


def products(*, seed: int = 7) -> pa.Table:
    """The product feed: ``product_id, name, category, price, margin, in_stock``.

    ``price`` is in pounds; ``margin`` is the share of it that is earned (0 to 1).
    """
    return catalogue(seed).to_table()
