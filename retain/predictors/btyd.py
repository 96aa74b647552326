"""BG/NBD as the service computes it: closed forms, without a special function.

Source: P. Fader, B. Hardie, K. L. Lee, "Counting Your Customers the Easy Way" (Marketing
Science, 2005), and their note on the probability of at least one order in a period.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any, Self

import numpy as np

from retain.predictors.contributions import Contributions, Floats

COLUMNS = ("orders_lifetime", "order_recency_days", "customer_age_days")
"""The features it reads: orders ever, and days since the last and since the first one."""

MOST_CERTAIN = 1e-9


@dataclass(frozen=True, slots=True)
class BuyTillYouDie:
    """Orders at a gamma-distributed rate, until a beta-distributed chance ends it at an order.

    Frequency is the number of repeat orders (the first does not count), recency the time from
    the first to the last order, and age the time from the first order to now; all in days.
    """

    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Probability that the customer has not left, (n,)."""
        silence = np.log((self.alpha + age) / (self.alpha + recency))
        log_odds = (
            np.log(self.a)
            - np.log(self.b + np.maximum(frequency, 1) - 1)
            + (self.r + frequency) * silence
        )
        # whoever ordered a thousand times and then stopped would overflow
        return np.where(frequency > 0, 1 / (1 + np.exp(np.minimum(log_odds, 700.0))), 1.0)

    def probability_order(
        self, frequency: Floats, recency: Floats, age: Floats, horizon: float
    ) -> Floats:
        """Probability of at least one order within ``horizon``, (n,)."""
        silent = ((self.alpha + age) / (self.alpha + age + horizon)) ** (self.r + frequency)
        return self.probability_alive(frequency, recency, age) * (1 - silent)


@dataclass(frozen=True, slots=True)
class OrderOdds:
    """Log-odds of an order within ``horizon_days``, from three columns of a model's matrix.

    Attributes:
        columns: where :data:`COLUMNS` stand in the matrix.
        usual: the same columns of a middling customer, which contributions are told beside.
    """

    model: BuyTillYouDie
    horizon_days: float
    columns: tuple[int, ...]
    usual: tuple[float, ...]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        model = BuyTillYouDie(**content["model"])
        columns, usual = tuple(content["columns"]), tuple(content["usual"])
        return cls(model, float(content["horizon_days"]), columns, usual)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`raw`: Shapley values of the three beside the usual."""
        usual = np.zeros(matrix.shape)
        usual[:, list(self.columns)] = self.usual
        base = self.raw(usual)
        values = np.zeros(matrix.shape)
        orders = list(permutations(self.columns))
        for order in orders:
            mixed, before = usual.copy(), base
            for place in order:
                mixed[:, place] = matrix[:, place]
                after = self.raw(mixed)
                values[:, place] += (after - before) / len(orders)
                before = after
        return Contributions(values, base)

    def past(self, matrix: Floats) -> tuple[Floats, Floats, Floats]:
        """Frequency, recency and age of an (n, d) matrix as :class:`BuyTillYouDie` takes them."""
        known = np.nan_to_num(matrix[:, list(self.columns)])
        age = np.maximum(known[:, 1], known[:, 2])
        return np.maximum(known[:, 0] - 1.0, 0.0), age - known[:, 1], age

    def raw(self, matrix: Floats) -> Floats:
        """Log-odds, (n,), of an (n, d) matrix; who never ordered is like who just began."""
        within = self.model.probability_order(*self.past(matrix), self.horizon_days)
        p = np.clip(within, MOST_CERTAIN, 1.0 - MOST_CERTAIN)
        return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)
