"""The words of ``/predict`` for how much an answer says, and what it lacks."""

from typing import Literal, get_args

HeadStatus = Literal[
    "ok", "already_churned", "insufficient_data", "no_consent", "stale_features", "no_model"
]
CustomerStatus = Literal[
    "ok",
    "already_churned",
    "insufficient_data",
    "no_consent",
    "stale_features",
    "unknown_customer",
    "degraded",
    "unavailable",
]
Missing = Literal["freshness", "features", "next_items", "next_best_action"]
MISSING: tuple[Missing, ...] = get_args(Missing)
