"""``GET /models``: who answers, and why it was allowed to."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.schemas.base import Answer


class Metric(Answer):
    """A figure on the holdout, with its 95 % interval where there is one."""

    value: float | None = Field(description="The figure, in the metric's own unit.")
    low: float | None = Field(description="Lower end of its 95 % interval.")
    high: float | None = Field(description="Upper end of its 95 % interval.")


class Training(Answer):
    """The part of history that a model was fitted and judged on."""

    as_of: datetime = Field(description="Only what was known before this moment was used.")
    first_cutoff: datetime | None = Field(
        default=None, description="The first moment customers were looked at; null without one."
    )
    last_cutoff: datetime | None = Field(
        default=None, description="The last moment customers were looked at; null without one."
    )
    holdout_cutoffs: list[datetime] = Field(
        default_factory=list, description="The moments it was judged at."
    )
    rows: int = Field(description="Pairs of a customer and a cutoff in the final fit.")
    statement: str = Field(
        default="",
        description="What was fitted on what, and which label windows overlap, in words.",
    )


class ModelSummary(Answer):
    """The champion of one head."""

    head: str = Field(
        description="What it answers for: `churn`, `next_purchase`, `ltv`, `response` (to "
        "actions), `next_items` or `rfm` (edges of segments)."
    )
    model: str = Field(description="`head:version`, as answers name it.")
    version: str = Field(
        description="First 12 hex digits of the sha256 of its content: the same training on the "
        "same data is the same version."
    )
    label: str = Field(description="What is predicted, in a sentence.")
    population: str = Field(description="Who is scored, in a sentence.")
    horizon_days: int | None = Field(description="Its horizon: how many days ahead it looks.")
    fingerprint: str = Field(description="sha256 over the features, in vector order.")
    features: int = Field(description="How many features the vector has.")
    training: Training = Field(description="What it was fitted and judged on.")
    data_digest: str = Field(
        description="sha256 over what it was learned from: customers, moments, features, labels."
    )
    code_revision: str = Field(
        description="The commit of the code it was trained by, with `+changes` where files "
        "differed; without one the package's version."
    )
    metrics: dict[str, Metric] = Field(description="How good it is on the holdout, by metric.")
    baselines: dict[str, Metric] = Field(
        description="The dumb rules on the same holdout: `<rule>.<metric>`, and the paired "
        "differences to them, `difference.<rule>.<metric>`."
    )
    beats_baseline: bool = Field(
        description="Whether the lower end of the paired difference to the dumb rule is above zero."
    )
    created_at: datetime = Field(description="When it was trained.")


class Models(Answer):
    """Every head's champion."""

    models: list[ModelSummary] = Field(description="One for each head that has a champion.")


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
            "training": {
                "as_of": "2026-08-01T00:00:00Z",
                "first_cutoff": "2025-02-05T00:00:00Z",
                "last_cutoff": "2026-05-03T00:00:00Z",
                "holdout_cutoffs": ["2026-05-03T00:00:00Z"],
                "rows": 48_210,
                "statement": "Rounds and blend were chosen on 2026-01-03; judged on 2026-05-03. No "
                "label window of a fit reaches into the windows it is judged on.",
            },
            "data_digest": "1d0e…",
            "code_revision": "c0bf690",
            "metrics": {"roc_auc": {"value": 0.79, "low": 0.78, "high": 0.8}},
            "baselines": {
                "recency.roc_auc": {"value": 0.75, "low": 0.74, "high": 0.76},
                "difference.recency.roc_auc": {"value": 0.04, "low": 0.03, "high": 0.05},
            },
            "beats_baseline": True,
            "created_at": "2026-08-01T03:00:00Z",
        }
    ]
}
