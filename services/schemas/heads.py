"""What the heads say of one customer: churn, the next purchase, lifetime value."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from retain.items.relations import Relation
from retain.reasons import bands
from services.schemas.base import Answer, Probability
from services.schemas.statuses import HeadStatus

Status = Annotated[
    HeadStatus,
    Field(
        description="`ok`, or why there is no score: `already_churned` (silent for longer than the "
        "churn model's hiatus), `insufficient_data` (never ordered), `no_consent` (withdrew "
        "profiling), `stale_features`, `no_model` (the head has no champion)."
    ),
]
Model = Annotated[
    str | None,
    Field(description="`head:version` of the model that answered; null where there is none."),
]


class Signal(Answer):
    """An early warning: this customer beside their own past; thresholds in `signals.yaml`."""

    code: Literal[
        "purchase_cycle_anomaly", "activity_decline", "complaints_rising", "subscription_lapsing"
    ] = Field(description="Which warning, for programs; stable.")
    text: str = Field(description="The signal in words, in the language asked for.")
    value: float = Field(description="What is now, in `unit`.")
    usual: float = Field(
        description="What is usual for this customer, in `unit`; of a subscription 0, the day "
        "its renewal is due."
    )
    unit: Literal["days", "active_days", "contacts"] = Field(
        description="What `value` and `usual` count."
    )
    since: datetime = Field(description="From when on it has been so.")


class Churn(Answer):
    """The probability of no order within the horizon, and signals that stand beside it."""

    probability: Probability | None = Field(
        description="That no order comes in `horizon_days`, calibrated; null unless `status` is "
        "`ok`."
    )
    band: Literal["low", "medium", "high"] | None = Field(description=bands.DESCRIPTION)
    horizon_days: int | None = Field(description="No order in this many days counts as churn.")
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
    status: Status
    signals: list[Signal] = Field(
        description="Early warnings, also where no score is told; empty without consent or with "
        "stale features."
    )
    model: Model


class CategoryScore(Answer):
    """A category the next order may come from."""

    category: str = Field(description="As events and product feed name it.")
    score: float = Field(description="Probability that the next order holds this category.")


class ProductScore(Answer):
    """A product the next order may hold; what the product feed says is sold out is left out."""

    product_id: str = Field(description="As events and product feed name it.")
    score: float = Field(description="Probability that the next order holds this product.")
    relation: Relation = Field(
        description="`repeat`: bought before; `upgrade`: dearer than what they have of its "
        "category; `similar`: of a category they have, or looked at; `complement`: of another "
        "category, bought in one order with what they have; `popular`: bought by many of late."
    )


class NextPurchase(Answer):
    """When the next order is expected; all numbers come from one survival curve."""

    probability_7d: Probability | None = Field(
        description="That an order comes within 7 days; null unless `status` is `ok`."
    )
    probability_30d: Probability | None = Field(description="The same within 30 days.")
    probability_90d: Probability | None = Field(description="The same within 90 days.")
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
    low_at: datetime | None = Field(
        description="Until then an order has come with a probability of 10 %."
    )
    high_at: datetime | None = Field(description="Until then with 90 %: between the two lie 80 %.")
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
    status: Status
    model: Model


class Ltv(Answer):
    """Net revenue expected within the horizon, returns subtracted."""

    value: float | None = Field(
        description="Expected net revenue in `horizon_days`, in `currency`; null unless `status` "
        "is `ok`."
    )
    low: float | None = Field(description="Lower end of its 80 % interval.")
    high: float | None = Field(description="Upper end of its 80 % interval.")
    horizon_days: int | None = Field(description="How many days are counted; null without a model.")
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
    currency: str | None = Field(
        description="ISO 4217, of the customer's orders; null where none is known."
    )
    tier: str | None = Field(
        description="`low`, `medium`, `high` or `top`: below the median of the customers the model "
        "was trained on, up to the best 20 %, up to the best 5 %, above."
    )
    status: Status
    model: Model
