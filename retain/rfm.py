"""Recency, frequency and monetary value as quintile scores: the common tongue of marketers.

Source: A. M. Hughes, Strategic Database Marketing (1994). Customers are scored by the value,
never by their rank, so that equal values have equal scores and a better value never has a
lower one; with many ties a score may therefore be empty.
"""

from bisect import bisect_left
from collections.abc import Mapping
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from retain.columns import Columns
from retain.errors import CorruptModel, NotEnoughData
from retain.features.ageing import NUMBERS

QUINTILES = (0.2, 0.4, 0.6, 0.8)
WINDOW_DAYS = 365
VIP_QUANTILE = 0.95

HABITS = "habits"
"""Beside the edges: what else was counted on the whole base (:mod:`retain.decisions.habits`)."""

_READ = ("order_recency_days", "orders_365d", "net_spend_365d")
_PLACES = tuple(NUMBERS.index(name) for name in _READ)

Floats = NDArray[np.float64]
_Edges = tuple[float, float, float, float]


class RfmEdges(BaseModel):
    """The inner edges of the quintiles, and the edge of the top 5 % of yearly spend.

    Attributes:
        recency_days: days since the last order, over customers with one in 365 days.
        frequency: orders in 365 days.
        monetary: spend net of returns in 365 days.
        vip_spend_365d: spend that 5 % of these customers reach.
        customers: how many customers the edges were fitted on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recency_days: _Edges
    frequency: _Edges
    monetary: _Edges
    vip_spend_365d: float
    customers: int

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> "RfmEdges":
        """Edges as a manifest's ``parameters`` keep them.

        Raises:
            CorruptModel: these are not edges.
        """
        try:
            return cls.model_validate({k: v for k, v in parameters.items() if k != HABITS})
        except ValidationError as error:
            raise CorruptModel(
                f"the RFM edges cannot be read: {error}", remedy="train again"
            ) from error


def fit(columns: Columns) -> RfmEdges:
    """Quintile edges over the customers with an order in the last 365 days.

    Raises:
        NotEnoughData: nobody ordered in the last 365 days.
    """
    recency, frequency, monetary = _values(columns)
    recent = recency <= WINDOW_DAYS
    if not recent.any():
        raise NotEnoughData(
            "no customer has an order in the last 365 days, so there are no quintiles",
            remedy="train as of a time within a year of the last orders",
        )
    return RfmEdges(
        recency_days=_edges(recency[recent]),
        frequency=_edges(frequency[recent]),
        monetary=_edges(monetary[recent]),
        vip_spend_365d=float(np.quantile(monetary[recent], VIP_QUANTILE)),
        customers=int(recent.sum()),
    )


def score(columns: Columns, edges: RfmEdges) -> tuple[Floats, Floats, Floats]:
    """Scores r, f, m, each (n,): 1 (worst) to 5 (best), NaN for customers without any order."""
    recency, frequency, monetary = _values(columns)
    never = np.isnan(recency)
    scores = (
        5.0 - np.searchsorted(edges.recency_days, recency),
        1.0 + np.searchsorted(edges.frequency, frequency),
        1.0 + np.searchsorted(edges.monetary, monetary),
    )
    r, f, m = (np.where(never, np.nan, each) for each in scores)
    return r, f, m


def score_one(one: Mapping[str, Any], edges: RfmEdges) -> tuple[float, float, float]:
    """As :func:`score`, of one customer's features as plain values."""
    recency, frequency, monetary = (one[name] for name in _READ)
    return _scored(recency, frequency, monetary, edges)


def score_vector(vector: Floats, edges: RfmEdges) -> tuple[float, float, float]:
    """As :func:`score`, of one customer's read-time numbers."""
    recency, frequency, monetary = _PLACES
    return _scored(vector.item(recency), vector.item(frequency), vector.item(monetary), edges)


def _scored(
    recency: float, frequency: float, monetary: float, edges: RfmEdges
) -> tuple[float, float, float]:
    if isnan(recency):
        return nan, nan, nan
    return (
        5.0 - bisect_left(edges.recency_days, recency),
        1.0 + bisect_left(edges.frequency, 0.0 if isnan(frequency) else frequency),
        1.0 + bisect_left(edges.monetary, 0.0 if isnan(monetary) else monetary),
    )


def _values(columns: Columns) -> tuple[Floats, Floats, Floats]:
    recency, frequency, monetary = (np.asarray(columns[name], dtype=np.float64) for name in _READ)
    return recency, np.nan_to_num(frequency), np.nan_to_num(monetary)


def _edges(values: Floats) -> _Edges:
    a, b, c, d = (float(edge) for edge in np.quantile(values, QUINTILES))
    return a, b, c, d
