"""Standing: who can still leave, who already has, and who never came, by the declared label.

A shop says what leaving means to it (``config/training.yaml``): no order, no interaction of any
kind, or a subscription not renewed. Training and serving ask these functions about the same
read-time columns, so that a model is asked about whom it was trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns

ChurnLabel = Literal["no_order", "no_activity", "subscription_not_renewed"]
CHURN_LABELS: tuple[ChurnLabel, ...] = get_args(ChurnLabel)
GRACE_DAYS = 7
"""How long after its term's end a subscription may still be renewed, where nobody says."""

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a label reads.

    Attributes:
        label: what happens to who leaves, completed by "in the 90 days after …".
        population: who a model of it is trained on.
        rule: the name of the dumb rule it has to beat.
    """

    label: str
    population: str
    rule: str


_WORDING: dict[ChurnLabel, Wording] = {
    "no_order": Wording(
        "no order", "customers with an order in the {days} days before the moment of scoring",
        "recency",
    ),
    "no_activity": Wording(
        "no interaction of any kind",
        "customers who have ordered, with an interaction in the {days} days before the moment "
        "of scoring",
        "inactivity",
    ),
    "subscription_not_renewed": Wording(
        "a subscription cancelled or not renewed",
        "customers whose subscription runs at the moment of scoring",
        "term",
    ),
}  # fmt: skip


def wording(label: ChurnLabel) -> Wording:
    """The words of ``label``."""
    return _WORDING[label]


def inactivity_days(label: ChurnLabel, columns: Columns) -> Floats:
    """Days since the last order, the last interaction, or the end of the term; (n,).

    NaN where there was none. Before a term's end the number is negative.
    """
    if label == "subscription_not_renewed":
        return -_floats(columns, "days_to_term_end")
    name = "order_recency_days" if label == "no_order" else "visit_recency_days"
    return _floats(columns, name)


def is_known(label: ChurnLabel, columns: Columns) -> Mask:
    """Who ever was what the label is about: a buyer, or a subscriber; (n,)."""
    if label == "subscription_not_renewed":
        termed = ~np.isnan(_floats(columns, "days_to_term_end"))
        return np.asarray(termed | (_floats(columns, "subscription_active") > 0))
    return np.asarray(_floats(columns, "orders_lifetime") > 0)


def has_left(label: ChurnLabel, columns: Columns, hiatus_days: float) -> Mask:
    """Who of the known already left, by ``hiatus_days`` of inactivity; (n,).

    Of a subscription the days are those of grace after its term's end; one that was cancelled
    is over at once.
    """
    left = inactivity_days(label, columns) > hiatus_days
    if label == "subscription_not_renewed":
        left |= is_known(label, columns) & ~(_floats(columns, "subscription_active") > 0)
    return np.asarray(left)


def one_is_known(label: ChurnLabel, one: Mapping[str, Any]) -> bool:
    """As :func:`is_known`, of one customer's features as plain values."""
    if label == "subscription_not_renewed":
        return not isnan(one["days_to_term_end"]) or bool(one["subscription_active"] > 0)
    return bool(one["orders_lifetime"] > 0)


def one_has_left(label: ChurnLabel, one: Mapping[str, Any], hiatus_days: float) -> bool:
    """As :func:`has_left`, of one customer's features as plain values."""
    if label == "subscription_not_renewed":
        over = one_is_known(label, one) and not one["subscription_active"] > 0
        return over or bool(-one["days_to_term_end"] > hiatus_days)
    name = "order_recency_days" if label == "no_order" else "visit_recency_days"
    return bool(one[name] > hiatus_days)


def _floats(columns: Columns, name: str) -> Floats:
    return np.asarray(columns[name], dtype=np.float64)
