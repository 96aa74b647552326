"""A batch of scores beside the answers of `/predict` at the same moment, field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from retain.clock import iso

FIELDS = {
    "churn_probability": ("churn", "probability"),
    "purchase_probability_7d": ("next_purchase", "probability_7d"),
    "purchase_probability_30d": ("next_purchase", "probability_30d"),
    "purchase_probability_90d": ("next_purchase", "probability_90d"),
    "expected_next_order_at": ("next_purchase", "expected_at"),
    "expected_next_order_low_at": ("next_purchase", "low_at"),
    "expected_next_order_high_at": ("next_purchase", "high_at"),
    "ltv_value": ("ltv", "value"),
    "ltv_low": ("ltv", "low"),
    "ltv_high": ("ltv", "high"),
    "ltv_horizon_days": ("ltv", "horizon_days"),
    "currency": ("ltv", "currency"),
    "segment": ("segment", "name"),
    "stage": ("segment", "stage"),
}
"""Of each column of a batch the object of an answer, and its field."""


def assert_same(rows: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> int:
    """Returns how many fields the answers withhold, because of a head's status."""
    withheld = 0
    for row, answer in zip(rows, answers, strict=True):
        assert answer["customer_id"] == row["customer_id"]
        assert answer["status"] == row["status"]
        for column, (part, field) in FIELDS.items():
            told = answer[part][field]
            if told is None and answer[part]["status"] != "ok":
                withheld += 1
                continue
            ours = row[column]
            assert told == (iso(ours) if isinstance(ours, datetime) else ours), column
        assert row["next_action"] == answer["next_best_action"]["action_id"]
    return withheld
