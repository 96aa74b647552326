"""``POST /predict``: what will this customer do, and what should be done about it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from retain.errors import InvalidInput
from services.schemas.base import (
    MAX_CUSTOMERS,
    MAX_EXPLAINED,
    Answer,
    Identifier,
    Probability,
    Request,
    UtcTime,
)

Part = Literal["churn", "next_purchase", "ltv", "segment", "next_best_action"]
PARTS: tuple[Part, ...] = ("churn", "next_purchase", "ltv", "segment", "next_best_action")
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
]

_EXACTLY_ONE: dict[str, Any] = {
    "oneOf": [
        {
            "required": ["customer_id"],
            "properties": {"customer_id": {"type": "string"}, "customer_ids": {"type": "null"}},
        },
        {
            "required": ["customer_ids"],
            "properties": {"customer_id": {"type": "null"}, "customer_ids": {"type": "array"}},
        },
    ]
}


class PredictRequest(Request):
    """One customer or up to 1,000: give exactly one of `customer_id` and `customer_ids`."""

    model_config = ConfigDict(
        json_schema_extra={
            **_EXACTLY_ONE,
            "examples": [
                {"customer_id": "17850"},
                {"customer_ids": ["17850", "13047"], "include": ["churn", "ltv"]},
                {"customer_id": "17850", "as_of": "2026-11-01T00:00:00Z", "explain": True},
            ],
        }
    )

    customer_id: Identifier | None = Field(default=None, description="One customer's id.")
    customer_ids: (
        Annotated[list[Identifier], Field(min_length=1, max_length=MAX_CUSTOMERS)] | None
    ) = Field(default=None, description="Up to 1,000 ids; answered in this order.")
    as_of: UtcTime | None = Field(
        default=None,
        description="The moment to score at. Default: the service's clock. A past time is "
        "computed from the event log; a future one is refused.",
    )
    include: list[Part] | None = Field(
        default=None, max_length=len(PARTS), description="The parts to answer. Default: all."
    )
    explain: bool = Field(
        default=False,
        description=f"Give the reasons behind the scores; at most {MAX_EXPLAINED} customers.",
    )

    def ids(self) -> list[str]:
        """The customers asked for.

        Raises:
            InvalidInput: neither or both of the two fields were given, or an explanation
                was asked for too many customers.
        """
        if (self.customer_id is None) == (self.customer_ids is None):
            raise InvalidInput(
                "give exactly one of customer_id and customer_ids",
                remedy="customer_id for one customer, customer_ids for a list",
                field="customer_id" if self.customer_ids is None else "customer_ids",
            )
        ids = self.customer_ids if self.customer_id is None else [self.customer_id]
        assert ids is not None  # noqa: S101 - exactly one was given
        if self.explain and len(ids) > MAX_EXPLAINED:
            raise InvalidInput(
                f"explain is possible for at most {MAX_EXPLAINED} customers at once",
                remedy="ask for fewer customers, or leave explain out",
                field="explain",
            )
        return ids


class Churn(Answer):
    """The probability of no order within the horizon."""

    probability: Probability | None
    band: Literal["low", "medium", "high"] | None
    horizon_days: int | None = Field(description="No order in this many days counts as churn.")
    status: HeadStatus
    signals: list[dict[str, Any]] = Field(description="Signals that the customer is leaving.")
    model: str | None = Field(
        description="`head:version` of the model that answered; null where there is none."
    )


class CategoryScore(Answer):
    """A category the next order may come from."""

    category: str
    score: float


class NextPurchase(Answer):
    """When the next order is expected; all numbers come from one survival curve."""

    probability_7d: Probability | None
    probability_30d: Probability | None
    probability_90d: Probability | None
    expected_at: datetime | None = Field(description="Median of the curve.")
    low_at: datetime | None
    high_at: datetime | None
    next_categories: list[CategoryScore]
    status: HeadStatus
    model: str | None


class Ltv(Answer):
    """Net revenue expected within the horizon, returns subtracted."""

    value: float | None
    low: float | None
    high: float | None
    horizon_days: int | None
    currency: str | None
    tier: str | None
    status: HeadStatus
    model: str | None


class Segment(Answer):
    """Where the customer stands: named RFM group, priority and journey stage."""

    name: str | None
    priority: str | None
    stage: str | None
    tags: list[str]


class NextBestAction(Answer):
    """A preview of what to do next; nothing is reserved."""

    action_id: str
    channel: str | None
    treatment: str | None
    tone: str | None
    content_type: str | None
    items: list[str]
    send_at: datetime | None
    expires_at: datetime | None
    score: float | None
    propensity: Probability | None
    decision_id: str


class Prediction(Answer):
    """One customer's answer; the parts not asked for are absent."""

    customer_id: str
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer, where the id asked for was merged into another: "
        "everything answered is that customer's.",
    )
    status: CustomerStatus
    as_of: datetime | None = None
    features_as_of: datetime | None = Field(
        default=None, description="Until when events are reflected in the features used."
    )
    stale_views: list[str] = Field(
        default_factory=list, description="Feature views older than allowed."
    )
    churn: Churn | None = None
    next_purchase: NextPurchase | None = None
    ltv: Ltv | None = None
    segment: Segment | None = None
    next_best_action: NextBestAction | None = None
    reasons: list[dict[str, Any]] = Field(default_factory=list)


class Predictions(Answer):
    """Many customers, in the order asked for."""

    predictions: list[Prediction]


class PredictAnswer(RootModel[Prediction | Predictions]):
    """One prediction, or several under `predictions`."""


EXAMPLE: dict[str, Any] = {
    "customer_id": "17850",
    "merged_into": None,
    "status": "ok",
    "as_of": "2026-11-21T20:00:00Z",
    "features_as_of": "2026-11-21T19:59:58Z",
    "stale_views": [],
    "churn": {
        "probability": 0.31,
        "band": "medium",
        "horizon_days": 90,
        "status": "ok",
        "signals": [],
        "model": "churn:ab12",
    },
    "next_purchase": {
        "probability_7d": 0.08,
        "probability_30d": 0.27,
        "probability_90d": 0.61,
        "expected_at": "2027-01-14T00:00:00Z",
        "low_at": "2026-12-02T00:00:00Z",
        "high_at": "2027-04-01T00:00:00Z",
        "next_categories": [],
        "status": "ok",
        "model": "next_purchase:ab12",
    },
    "ltv": {
        "value": 412.5,
        "low": 120.0,
        "high": 980.0,
        "horizon_days": 90,
        "currency": "GBP",
        "tier": "high",
        "status": "ok",
        "model": "ltv:ab12",
    },
    "segment": {"name": "loyal_high_value", "priority": "A", "stage": "loyalty", "tags": []},
    "next_best_action": {
        "action_id": "replenishment_email",
        "channel": "email",
        "treatment": "standard",
        "tone": "trust",
        "content_type": "text",
        "items": ["sku-1", "sku-2"],
        "send_at": "2026-11-22T09:00:00Z",
        "expires_at": "2026-11-25T09:00:00Z",
        "score": 3.2,
        "propensity": 0.91,
        "decision_id": "01JD0Z6Y8Q4X1V9T3R5P7N2M6K",
    },
    "reasons": [],
}
MANY_EXAMPLE: dict[str, Any] = {
    "predictions": [
        EXAMPLE,
        {**EXAMPLE, "customer_id": "old-17850", "merged_into": "17850"},
        {"customer_id": "x", "status": "unknown_customer"},
    ]
}
