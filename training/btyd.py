"""Buy-till-you-die: BG/NBD for orders, Gamma-Gamma for their value, by maximum likelihood.

Sources: P. Fader, B. Hardie, K. L. Lee, "Counting Your Customers the Easy Way" (Marketing
Science, 2005); P. Fader, B. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013). They are
the peers an order history is judged against, so they are here whether or not they win.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.manifest import ModelFeature
from retain.predictors.btyd import COLUMNS, BuyTillYouDie, OrderOdds

Floats = NDArray[np.float64]

_PENALTY = 1e-4
_MOST_CUSTOMERS = 20_000


@dataclass(frozen=True, slots=True)
class BgNbd(BuyTillYouDie):
    """BG/NBD with its fit, and with the expectation the service has no need of."""

    @classmethod
    def fit(cls, frequency: Floats, recency: Floats, age: Floats) -> Self:
        """Maximum likelihood over customers, each array (n,).

        Raises:
            NotEnoughData: nobody ordered twice, so there is no rate to learn.
        """
        if not (frequency > 0).any():
            raise NotEnoughData("BG/NBD needs customers with more than one order")
        scale = float(np.mean(age))
        scaled_recency, scaled_age = recency / scale, age / scale

        def loss(logs: Floats) -> float:
            likelihood = _log_likelihood(frequency, scaled_recency, scaled_age, np.exp(logs))
            return float(-likelihood.mean() + _PENALTY * (logs**2).sum())

        r, alpha, a, b = np.exp(_minimum(loss, np.log([0.5, 0.5, 0.7, 2.0])))
        return cls(float(r), float(alpha * scale), float(a), float(b))

    def expected_orders(
        self, frequency: Floats, recency: Floats, age: Floats, horizon: float
    ) -> Floats:
        """Expected number of orders within ``horizon``, (n,)."""
        shape, beta = self.r + frequency, self.b + frequency
        total = self.a + beta - 1
        kept = ((self.alpha + age) / (self.alpha + age + horizon)) ** shape
        series = hyp2f1(shape, beta, total, horizon / (self.alpha + age + horizon))
        expected = total / (self.a - 1) * (1 - kept * series)
        return np.asarray(expected * self.probability_alive(frequency, recency, age))


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Order values around a customer's own mean, which varies between customers."""

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, orders: Floats, mean_value: Floats) -> Self:
        """Maximum likelihood over customers with a positive mean order value, each array (n,)."""
        positive = (mean_value > 0) & (orders > 0)
        if not positive.any():
            raise NotEnoughData("Gamma-Gamma needs orders with a value")
        count, scale = orders[positive], float(np.mean(mean_value[positive]))
        mean = mean_value[positive] / scale

        def loss(logs: Floats) -> float:
            p, q, gamma = np.exp(logs)
            px = p * count
            likelihood = (
                gammaln(px + q)
                - gammaln(px)
                - gammaln(q)
                + q * np.log(gamma)
                + (px - 1) * np.log(mean)
                + px * np.log(count)
                - (px + q) * np.log(gamma + count * mean)
            )
            return float(-likelihood.mean() + _PENALTY * (logs**2).sum())

        p, q, gamma = np.exp(_minimum(loss, np.log([2.0, 3.0, 2.0])))
        return cls(float(p), float(q), float(gamma * scale))

    def expected_value(self, orders: Floats, mean_value: Floats) -> Floats:
        """Expected value of a customer's next order, (n,)."""
        px = self.p * orders
        known = np.where(mean_value > 0, mean_value, 0.0)
        population = self.p * self.gamma / (self.q - 1)
        weight = px / (px + self.q - 1)
        return np.where(mean_value > 0, (1 - weight) * population + weight * known, population)


def order_odds(
    columns: Columns, features: Sequence[ModelFeature], horizon_days: float, seed: int
) -> OrderOdds | None:
    """BG/NBD fitted on a population's past, as a member of a model of ``features``.

    None where a column it needs is not among the features, or nobody ordered twice.
    """
    names = [feature.name for feature in features]
    if not set(COLUMNS) <= set(names):
        return None
    given = np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in COLUMNS])
    given = given[~np.isnan(given).any(axis=1)]
    if len(given) > _MOST_CUSTOMERS:
        kept = np.random.default_rng(seed).choice(len(given), _MOST_CUSTOMERS, replace=False)
        given = given[kept]
    orders, since_last, age = given.T
    try:
        fitted = BgNbd.fit(orders - 1.0, age - since_last, age)
    except NotEnoughData:
        return None
    model = BuyTillYouDie(fitted.r, fitted.alpha, fitted.a, fitted.b)
    places = tuple(names.index(name) for name in COLUMNS)
    usual = tuple(float(middle) for middle in np.median(given, axis=0))
    return OrderOdds(model, float(horizon_days), places, usual)


def history(columns: Columns) -> tuple[Floats, Floats, Floats]:
    """Frequency, recency and age as :class:`BgNbd` takes them, of a population's columns."""
    orders, since_last, age = (
        np.nan_to_num(np.asarray(columns[name], dtype=np.float64)) for name in COLUMNS
    )
    frequency, age = np.maximum(orders - 1.0, 0.0), np.maximum(age, 1e-3)
    last = np.clip(age - since_last, 0.0, age)
    return frequency, np.where(frequency > 0, last, 0.0), age


def order_value(columns: Columns) -> Floats:
    """What an order of each customer brought in the mean, returns subtracted, (n,)."""
    orders, spend = (
        np.nan_to_num(np.asarray(columns[name], dtype=np.float64))
        for name in (COLUMNS[0], "net_spend_lifetime")
    )
    return np.asarray(spend / np.maximum(orders, 1.0))


def _log_likelihood(x: Floats, recency: Floats, age: Floats, parameters: Floats) -> Floats:
    r, alpha, a, b = parameters
    common = (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        + gammaln(b + x)
        - gammaln(b)
        - gammaln(a + b + x)
    )
    alive = -(r + x) * np.log(alpha + age)
    left = np.where(
        x > 0,
        np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency),
        -np.inf,
    )
    return np.asarray(common + np.logaddexp(alive, left))


def _minimum(loss: object, start: Floats) -> Floats:
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-8, 8)] * len(start))
    return np.asarray(found.x, dtype=np.float64)
