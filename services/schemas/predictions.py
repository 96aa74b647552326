"""``POST /predict``: what will this customer do, and what should be done about it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from retain.errors import InvalidInput
from retain.items.relations import Relation
from retain.reasons import bands
from services.schemas.base import (
    MAX_CUSTOMERS,
    MAX_EXPLAINED,
    Answer,
    Identifier,
    Probability,
    Request,
    UtcTime,
)
from services.schemas.reasons import Reason
from services.schemas.statuses import CustomerStatus, HeadStatus, Missing

Part = Literal["churn", "next_purchase", "ltv", "segment", "next_best_action"]
PARTS: tuple[Part, ...] = ("churn", "next_purchase", "ltv", "segment", "next_best_action")
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
                {"customer_id": "17850", "include": ["next_purchase"], "next_items": False},
                {"customer_id": "17850", "as_of": "2026-11-01T00:00:00Z", "explain": True},
                {"customer_id": "17850", "explain": True, "language": "ko"},
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
    next_items: bool = Field(
        default=True,
        description="Whether `next_purchase` tells categories and products. Without them its "
        "lists are empty, and the answer is there sooner.",
    )
    language: Literal["en", "ko"] | None = Field(
        default=None,
        description="The language of signals and reasons. Default: what `Accept-Language` likes "
        "best of these, else English.",
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


class Signal(Answer):
    """An early warning: this customer beside their own past; thresholds in `signals.yaml`."""

    code: Literal[
        "purchase_cycle_anomaly", "activity_decline", "complaints_rising", "subscription_lapsing"
    ]
    text: str = Field(description="The signal in words, in the language asked for.")
    value: float = Field(description="What is now, in `unit`.")
    usual: float = Field(
        description="What is usual for this customer, in `unit`; of a subscription 0, the day "
        "its renewal is due."
    )
    unit: Literal["days", "active_days", "contacts"]
    since: datetime = Field(description="From when on it has been so.")


class Churn(Answer):
    """The probability of no order within the horizon, and signals that stand beside it."""

    probability: Probability | None
    band: Literal["low", "medium", "high"] | None = Field(description=bands.DESCRIPTION)
    horizon_days: int | None = Field(description="No order in this many days counts as churn.")
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
    status: HeadStatus
    signals: list[Signal] = Field(
        description="Early warnings, also where no score is told; empty without consent or with "
        "stale features."
    )
    model: str | None = Field(
        description="`head:version` of the model that answered; null where there is none."
    )


class CategoryScore(Answer):
    """A category the next order may come from."""

    category: str
    score: float = Field(description="Probability that the next order holds this category.")


class ProductScore(Answer):
    """A product the next order may hold; what the product feed says is sold out is left out."""

    product_id: str
    score: float = Field(description="Probability that the next order holds this product.")
    relation: Relation = Field(
        description="`repeat`: bought before; `upgrade`: dearer than what they have of its "
        "category; `similar`: of a category they have, or looked at; `complement`: of another "
        "category, bought in one order with what they have; `popular`: bought by many of late."
    )


class NextPurchase(Answer):
    """When the next order is expected; all numbers come from one survival curve."""

    probability_7d: Probability | None
    probability_30d: Probability | None
    probability_90d: Probability | None
    label_days: int | None = Field(
        default=None,
        description="How far ahead the labels looked that the curve was learned from.",
    )
    extrapolated: bool = Field(
        default=False,
        description="`label_days` is under 90: probabilities and dates beyond it are stretched "
        "from what was learned, and were not judged.",
    )
    expected_at: datetime | None = Field(description="Median of the curve.")
    low_at: datetime | None
    high_at: datetime | None
    next_categories: list[CategoryScore] = Field(
        description="The likeliest first, at most five; empty where there is no model of them."
    )
    next_products: list[ProductScore] = Field(
        default_factory=list,
        description="The likeliest first, at most ten; empty where there is no model of them.",
    )
    items_model: str | None = Field(
        default=None,
        description="`head:version` of the model of categories and products; null without one.",
    )
    status: HeadStatus
    model: str | None


class Ltv(Answer):
    """Net revenue expected within the horizon, returns subtracted."""

    value: float | None
    low: float | None
    high: float | None
    horizon_days: int | None
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
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
    status: CustomerStatus = Field(
        description="`degraded`: it would be `ok`, but a store is away, and `degraded` says what "
        "the answer lacks; of another status too. `unavailable`, in lists: a store is away, and "
        "without it nothing is known of this customer; ask again."
    )
    degraded: list[Missing] = Field(
        default_factory=list,
        description="What is missing or uncertain because a store is away; absent where nothing "
        "is. `freshness`: what happened after `features_as_of` (also a consent withdrawn, a merge) "
        "may not be in it. `features`: nothing could be read. `next_items`: categories and "
        "products are left out. `next_best_action`: it is null, since limits on contacts and "
        "consent could not be checked.",
    )
    as_of: datetime | None = None
    features_as_of: datetime | None = Field(
        default=None,
        description="Until when events are reflected in the features used; with `freshness` in "
        "`degraded`, when these were stored.",
    )
    stale_views: list[str] = Field(
        default_factory=list, description="Feature views older than allowed."
    )
    churn: Churn | None = None
    next_purchase: NextPurchase | None = None
    ltv: Ltv | None = None
    segment: Segment | None = None
    next_best_action: NextBestAction | None = None
    reasons: list[Reason] = Field(
        default_factory=list,
        description="With `explain`: by head, the largest first; of heads that tell no score, "
        "none.",
    )


class Predictions(Answer):
    """Many customers, in the order asked for."""

    predictions: list[Prediction]


class PredictAnswer(RootModel[Prediction | Predictions]):
    """One prediction, or several under `predictions`."""
