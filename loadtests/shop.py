"""What all simulated users share: the customers, the service's clock, recent decisions."""

import random
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Any

import pyarrow.parquet as pq
from locust import events
from locust.env import Environment

_REMEMBERED = 1_000
_CLOCK_SECONDS = 5.0


class Shop:
    """One per process.

    Attributes:
        clock: what the service said last, in ISO 8601: one that is pinned refuses events of today.
    """

    def __init__(self) -> None:
        self.customers: tuple[str, ...] = ()
        self.clock: str | None = None
        self._heard_at = 0.0
        self._decisions: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)

    def read(self, path: Path) -> None:
        """Read the customers' ids.

        Raises:
            OSError: there is no such file.
            ValueError: it holds nobody.
        """
        if path.suffix == ".parquet":
            column = pq.read_table(path, columns=["customer_id"]).column("customer_id")
            self.customers = tuple(column.to_pylist())
        else:
            self.customers = tuple(path.read_text("utf-8").split())
        if not self.customers:
            raise ValueError(f"{path} holds no customer id")

    def customer(self) -> str:
        """Anybody."""
        return random.choice(self.customers)

    def several(self, count: int) -> list[str]:
        """So many different ones, or all there are."""
        return random.sample(self.customers, min(count, len(self.customers)))

    def heard(self, answer: Any) -> None:
        """Note the time an answer was made at, where it tells one."""
        told = answer.get("as_of") if isinstance(answer, dict) else None
        if told:
            self.clock, self._heard_at = told, monotonic()

    def is_clock_old(self) -> bool:
        """Whether it should be asked for again."""
        return self.clock is None or monotonic() - self._heard_at > _CLOCK_SECONDS

    def decided(self, decision_id: str, action_id: str) -> None:
        """Remember a decision, for its outcome."""
        self._decisions.append((decision_id, action_id))

    def decision(self) -> tuple[str, str] | None:
        """One of the last; None where there was none yet."""
        return random.choice(self._decisions) if self._decisions else None


SHOP = Shop()


@events.test_start.add_listener
def read_customers(environment: Environment, **_: object) -> None:
    """Read the ids before the first user; a run without customers ends at once."""
    if environment.parsed_options is None:
        return
    try:
        SHOP.read(Path(environment.parsed_options.customers))
    except (OSError, ValueError) as error:
        print(f"load: {error}; write the file with: retain score --out scores.parquet")
        if environment.runner:
            environment.runner.quit()
