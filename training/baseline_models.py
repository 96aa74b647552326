"""Two models on plain RFM, as a textbook would fit them: regressions, and LightGBM."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retain.columns import Columns
from retain.predictors.trees import Floats

FEATURES = ("order_recency_days", "orders_365d", "net_spend_365d", "customer_age_days")
MOST_ROWS = 100_000
_TWEEDIE_POWER = 1.5
_ITERATIONS = 500
_ROUNDS = 200
_TREES = {
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "num_threads": 1,
    "verbose": -1,
    "deterministic": True,
}


@dataclass(frozen=True, slots=True)
class Labels:
    """What came: an order within the horizon, one soon, and revenue without its losses, (n,)."""

    orders: Floats
    soon: Floats
    value: Floats


class RfmModel(Protocol):
    """Anything that answers from RFM alone."""

    def predict(self, columns: Columns) -> tuple[Floats, Floats, Floats]:
        """Probability of an order, of one soon, and expected revenue, each (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class RfmRegression:
    """Logistic regressions for the orders, a log-linear Tweedie regression for the revenue."""

    orders: Any
    soon: Any
    value: Any

    @classmethod
    def fit(cls, columns: Columns, labels: Labels) -> Self:
        """Fit on the rows of ``columns``."""
        matrix = _logged(_matrix(columns))
        orders, soon = (
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS)).fit(matrix, y)
            if 0 < y.mean() < 1
            else float(y.mean())
            for y in (labels.orders, labels.soon)
        )
        tweedie = TweedieRegressor(
            power=_TWEEDIE_POWER, link="log", alpha=1e-3, max_iter=_ITERATIONS
        )
        # in units of its mean: the solver's tolerance is absolute
        scale = float(labels.value.mean()) or 1.0
        value = make_pipeline(StandardScaler(), tweedie).fit(matrix, labels.value / scale)
        return cls(orders, soon, (value, scale))

    def predict(self, columns: Columns) -> tuple[Floats, Floats, Floats]:
        """Probability of an order, of one soon, and expected revenue, each (n,)."""
        matrix = _logged(_matrix(columns))
        orders, soon = (
            np.full(len(matrix), one) if isinstance(one, float) else one.predict_proba(matrix)[:, 1]
            for one in (self.orders, self.soon)
        )
        value, scale = self.value
        return orders, soon, np.asarray(value.predict(matrix) * scale)


@dataclass(frozen=True, slots=True)
class RfmTrees:
    """LightGBM, a fixed number of rounds: cross-entropy for the orders, Tweedie for the revenue."""

    orders: Any
    soon: Any
    value: Any

    @classmethod
    def fit(cls, columns: Columns, labels: Labels, seed: int) -> Self:
        """Fit on the rows of ``columns``."""
        matrix = _matrix(columns)

        def booster(objective: str, target: Floats) -> Any:
            params = {**_TREES, "objective": objective, "seed": seed}
            return lightgbm.train(params, lightgbm.Dataset(matrix, target), num_boost_round=_ROUNDS)

        return cls(
            booster("cross_entropy", labels.orders),
            booster("cross_entropy", labels.soon),
            booster("tweedie", labels.value),
        )

    def predict(self, columns: Columns) -> tuple[Floats, Floats, Floats]:
        """Probability of an order, of one soon, and expected revenue, each (n,)."""
        matrix = _matrix(columns)
        orders, soon, value = (
            np.asarray(one.predict(matrix, num_threads=1), dtype=np.float64)
            for one in (self.orders, self.soon, self.value)
        )
        return orders, soon, value


def sampled(rows: int, seed: int) -> NDArray[np.intp]:
    """Places of at most :data:`MOST_ROWS` rows: four features are learned from fewer."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def _matrix(columns: Columns) -> Floats:
    found = np.array([np.asarray(columns[name], dtype=np.float64) for name in FEATURES]).T
    return np.asarray(np.nan_to_num(found))


def _logged(matrix: Floats) -> Floats:
    return np.asarray(np.sign(matrix) * np.log1p(np.abs(matrix)))
