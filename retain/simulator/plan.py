"""What to simulate: how many customers, over which days, from which seed."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from retain.clock import from_micros, iso, to_micros
from retain.errors import InvalidInput
from retain.simulator.columns import DAY

DEFAULT_END = datetime(2026, 10, 31, tzinfo=UTC)
DEFAULT_DAYS = 548
SHORTEST_DAYS = 30
LONGEST_DAYS = 3_652
BLOCK_CUSTOMERS = 5_000


@dataclass(frozen=True, slots=True)
class Block:
    """Customers ``first`` … ``first + customers - 1`` (counted from 0), drawn on their own."""

    number: int
    first: int
    customers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of one shop; ``start`` and ``end`` are UTC midnights in microseconds."""

    customers: int
    seed: int
    start: int
    end: int

    @property
    def days(self) -> int:
        """Length of the simulated window."""
        return (self.end - self.start) // DAY

    @property
    def run_id(self) -> str:
        """Eight characters that differ between shops, so that their event ids never meet."""
        text = f"{self.customers}/{self.seed}/{self.start}/{self.end}"
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def blocks(self) -> Iterator[Block]:
        """The blocks, in order."""
        for number, first in enumerate(range(0, self.customers, BLOCK_CUSTOMERS)):
            yield Block(number, first, min(BLOCK_CUSTOMERS, self.customers - first))

    def rng(self, block: Block, noun: str) -> np.random.Generator:
        """A stream of its own per block and noun: one noun's draws never shift another's."""
        return np.random.default_rng([self.seed, block.number, zlib.crc32(noun.encode())])

    def as_json(self) -> dict[str, object]:
        """The parameters as a person reads them."""
        return {
            "customers": self.customers,
            "seed": self.seed,
            "start": iso(from_micros(self.start)),
            "end": iso(from_micros(self.end)),
            "run_id": self.run_id,
        }


def plan(
    customers: int, *, seed: int, start: datetime | None = None, end: datetime | None = None
) -> Plan:
    """The plan for these parameters; times are cut to UTC midnights.

    Raises:
        InvalidInput: no customers, a negative seed, or a window under 30 days or over ten years.
    """
    until = end or DEFAULT_END
    since = start or until - timedelta(days=DEFAULT_DAYS)
    if customers < 1:
        raise InvalidInput(
            f"{customers} customers cannot be simulated",
            remedy="ask for 1 or more",
            field="customers",
        )
    if seed < 0:
        raise InvalidInput(f"seed {seed} is negative", remedy="use 0 or more", field="seed")
    first, last = to_micros(since) // DAY * DAY, to_micros(until) // DAY * DAY
    days = (last - first) // DAY
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise InvalidInput(
            f"the window {iso(since)} to {iso(until)} is {days} days long",
            remedy=f"give a start and an end {SHORTEST_DAYS} to {LONGEST_DAYS} days apart",
            field="start",
        )
    return Plan(customers, seed, first, last)
