"""``GET /models``: who answers, and why it was allowed to."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.schemas.base import Answer


class Metric(Answer):
    """A figure on the holdout, with its 95 % interval where there is one."""

    value: float | None
    low: float | None
    high: float | None


class ModelSummary(Answer):
    """The champion of one head."""

    head: str
    model: str = Field(description="`head:version`, as answers name it.")
    version: str
    label: str = Field(description="What is predicted, in a sentence.")
    population: str
    horizon_days: int | None
    fingerprint: str = Field(description="sha256 over the features, in vector order.")
    features: int = Field(description="How many features the vector has.")
    training: dict[str, Any]
    data_digest: str
    code_revision: str
    metrics: dict[str, Metric]
    baselines: dict[str, Metric]
    beats_baseline: bool
    created_at: datetime


class Models(Answer):
    """Every head's champion."""

    models: list[ModelSummary]


EXAMPLE: dict[str, Any] = {
    "models": [
        {
            "head": "churn",
            "model": "churn:ab12",
            "version": "ab12",
            "label": "no order in the 90 days after as_of",
            "population": "customers with an order in the 365 days before as_of",
            "horizon_days": 90,
            "fingerprint": "9f2c…",
            "features": 42,
            "training": {"as_of": "2026-08-01T00:00:00Z", "rows": 48_210},
            "data_digest": "1d0e…",
            "code_revision": "c0bf690",
            "metrics": {"roc_auc": {"value": 0.79, "low": 0.78, "high": 0.8}},
            "baselines": {"recency_roc_auc": {"value": 0.75, "low": 0.74, "high": 0.76}},
            "beats_baseline": True,
            "created_at": "2026-08-01T03:00:00Z",
        }
    ]
}
