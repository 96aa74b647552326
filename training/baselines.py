"""Baselines: what a marketer or a textbook would use, fitted on the rows the heads are fitted on.

Rules: recency with the best hiatus (Wübben and von Wangenheim 2008), the sum of RFM quintiles,
the last spend. Models: BG/NBD with Gamma-Gamma, regressions on RFM, LightGBM on plain RFM, and
their plain average, the *blend*: it is ahead of each of its parts on most order histories.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from retain import rfm
from retain.columns import Columns
from retain.predictors.trees import Floats
from retain.rfm import RfmEdges
from training import baseline_models
from training.baseline_models import RfmModel, RfmRegression, RfmTrees
from training.btyd import BgNbd, GammaGamma, history, order_value
from training.dataset import Dataset

BLEND = "blend"
LAST_YEAR = "last_year"
"""The blend matched to what those active a year before brought then: a level, no ranking."""
TITLES = {
    "recency": "best hiatus rule",
    "rfm": "RFM score",
    "last_spend": "last spend",
    "bgnbd": "BG/NBD + Gamma-Gamma",
    "regression": "regression on RFM",
    "lightgbm": "LightGBM on RFM",
    BLEND: "blend of the three",
}
"""Name to title, rules first; ``regression`` is logistic for probabilities."""

SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class Answers:
    """What one baseline says of n customers; None where it says nothing of the kind.

    Attributes:
        leaves: rising with the chance of no order within the horizon.
        soon: rising with the chance of an order within 30 days (or the horizon, if shorter).
        value: rising with the net revenue within the horizon.
        probability: whether ``leaves`` and ``soon`` are probabilities.
        amount: whether ``value`` is an amount of money.
    """

    leaves: Floats | None = None
    soon: Floats | None = None
    value: Floats | None = None
    probability: bool = False
    amount: bool = False


@dataclass(frozen=True, slots=True)
class Baselines:
    """Every baseline, fitted on one training set."""

    horizon_days: int
    edges: RfmEdges
    bgnbd: BgNbd
    gamma_gamma: GammaGamma
    models: dict[str, RfmModel]

    @classmethod
    def fit(cls, data: Dataset, known: Columns) -> Self:
        """Fit on labelled rows, and the BTYD models on everyone ``known`` at the moment of fitting.

        Raises:
            NotEnoughData: nobody ordered twice, or nobody in the last year.
        """
        bought = _numbers(known, "orders_lifetime") > 0
        buyers = {name: column[bought] for name, column in known.items()}
        frequency, last, age = history(buyers)
        soon = data.days_to_order <= min(SOON_DAYS, data.horizon_days)
        sample = baseline_models.sampled(len(data.churned), data.seed)
        labels = baseline_models.Labels(
            1.0 - data.churned[sample],
            soon[sample].astype(np.float64),
            np.maximum(data.net_revenue[sample], 0.0),
        )
        rows = {name: column[sample] for name, column in data.columns.items()}
        return cls(
            horizon_days=data.horizon_days,
            edges=rfm.fit(known),
            bgnbd=BgNbd.fit(frequency, last, age),
            gamma_gamma=GammaGamma.fit(frequency + 1, order_value(buyers)),
            models={
                "regression": RfmRegression.fit(rows, labels),
                "lightgbm": RfmTrees.fit(rows, labels, data.seed),
            },
        )

    def answers(self, columns: Columns) -> dict[str, Answers]:
        """Every baseline's answers for the customers of ``columns``, by name."""
        recency = _numbers(columns, "order_recency_days")
        r, f, m = rfm.score(columns, self.edges)
        spend = _numbers(columns, _spend_feature(self.horizon_days))
        found = {
            "recency": Answers(leaves=recency, soon=-recency),
            "rfm": Answers(leaves=-(r + f + m), soon=r + f + m, value=r + f + m),
            "last_spend": Answers(value=spend, amount=True),
            "bgnbd": self._btyd(columns),
        }
        found |= {name: _modelled(model, columns) for name, model in self.models.items()}
        found[BLEND] = _average([found[name] for name in ("bgnbd", *self.models)])
        return found

    def _btyd(self, columns: Columns) -> Answers:
        frequency, last, age = history(columns)
        within, soon = (
            self.bgnbd.probability_order(frequency, last, age, horizon)
            for horizon in (self.horizon_days, min(SOON_DAYS, self.horizon_days))
        )
        orders = self.bgnbd.expected_orders(frequency, last, age, self.horizon_days)
        value = orders * self.gamma_gamma.expected_value(frequency + 1, order_value(columns))
        return Answers(1.0 - within, soon, value, probability=True, amount=True)


def _modelled(model: RfmModel, columns: Columns) -> Answers:
    orders, soon, value = model.predict(columns)
    return Answers(1.0 - orders, soon, value, probability=True, amount=True)


def _average(parts: list[Answers]) -> Answers:
    def mean(name: str) -> Floats:
        return np.asarray(np.mean([getattr(part, name) for part in parts], axis=0))

    return Answers(mean("leaves"), mean("soon"), mean("value"), probability=True, amount=True)


def _spend_feature(horizon_days: int) -> str:
    days = min((30, 90, 180, 365), key=lambda known: abs(known - horizon_days))
    return f"net_spend_{days}d"


def _numbers(columns: Columns, name: str) -> Floats:
    return np.nan_to_num(np.asarray(columns[name], dtype=np.float64))
