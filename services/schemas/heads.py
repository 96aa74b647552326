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
        description="`ok`, or why there is no score: `already_churned` (of churn alone: silent for "
        "longer than its model's hiatus, or the subscription is over), `insufficient_data` (never "
        "ordered; of churn from a subscription: never had one), `no_consent` (withdrew "
        "profiling), `stale_features` (a feature view the head needs is older than allowed), "
        "`no_model` (the head has no champion)."
    ),
]
Model = Annotated[
    str | None,
    Field(description="`head:version` of the model that answered; null where there is none."),
]
_NO_ITEMS = (
    "Empty unless `status` is `ok`, with `next_items: false`, without a model of them, and where "
    "`degraded` names `next_items`."
)


class Signal(Answer):
    """An early warning: this customer beside their own past; thresholds in `signals.yaml`."""

    code: Literal[
        "purchase_cycle_anomaly", "activity_decline", "complaints_rising", "subscription_lapsing"
    ] = Field(description="Which warning, for programs; stable.")
    text: str = Field(description="The signal in words, in the language asked for.")
    value: float = Field(
        description="What is now, in `unit`: days since the last order or to the end of the "
        "subscription's term (negative after it), active days or contacts of the last 30 days."
    )
    usual: float = Field(
        description="What is usual for this customer, in `unit`; of a subscription 0, the day "
        "its renewal is due."
    )
    unit: Literal["days", "active_days", "contacts"] = Field(
        description="What `value` and `usual` count."
    )
    since: datetime = Field(description="From when on it has been so.")


class Churn(Answer):
    """The probability that the customer leaves within the horizon, and signals beside it.

    What leaving means is declared for training: no order unless said otherwise, no interaction of
    any kind, or a subscription not renewed. The `label` in `/models` says which.
    """

    probability: Probability | None = Field(
        description="That the customer leaves within `horizon_days`, 0 to 1, calibrated; null "
        "unless `status` is `ok`."
    )
    band: Literal["low", "medium", "high"] | None = Field(
        description=f"{bands.DESCRIPTION} Null unless `status` is `ok`."
    )
    horizon_days: int | None = Field(
        description="How many days after `as_of` leaving is looked for; null without a model."
    )
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
    status: Status
    signals: list[Signal] = Field(
        description="Early warnings, also where no score is told; empty where there is none, and "
        "where `status` is `no_consent` or `stale_features`."
    )
    model: Model


class CategoryScore(Answer):
    """A category the next order may come from."""

    category: str = Field(description="As events and product feed name it.")
    score: float = Field(
        description="Probability, 0 to 1, that the next order holds this category; those of "
        "several need not add up to 1."
    )


class ProductScore(Answer):
    """A product the next order may hold; what the product feed says is sold out is left out."""

    product_id: str = Field(description="As events and product feed name it.")
    score: float = Field(
        description="Probability, 0 to 1, that the next order holds this product; those of "
        "several need not add up to 1."
    )
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
    probability_30d: Probability | None = Field(
        description="The same within 30 days; never below `probability_7d`."
    )
    probability_90d: Probability | None = Field(
        description="The same within 90 days; never below `probability_30d`."
    )
    label_days: int | None = Field(
        default=None,
        description="How many days ahead the labels looked that the curve was learned from; null "
        "without a model.",
    )
    extrapolated: bool = Field(
        default=False,
        description="`label_days` is under 90: probabilities and dates beyond it are stretched "
        "from what was learned, and were not judged.",
    )
    expected_at: datetime | None = Field(
        description="Median of the curve: an order by then is as likely as not. At most ten years "
        "after `as_of`, as the next two; null unless `status` is `ok`."
    )
    low_at: datetime | None = Field(
        description="Until then an order has come with a probability of 10 %; never after "
        "`expected_at`."
    )
    high_at: datetime | None = Field(
        description="Until then with 90 %: between `low_at` and `high_at` the next order comes "
        "with 80 %."
    )
    next_categories: list[CategoryScore] = Field(
        description=f"The likeliest first, at most five. {_NO_ITEMS}"
    )
    next_products: list[ProductScore] = Field(
        default_factory=list, description=f"The likeliest first, at most ten. {_NO_ITEMS}"
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
        description="Expected net revenue in `horizon_days`, in `currency`, discounted as "
        "`training.yaml` says (by default not at all); null unless `status` is `ok`."
    )
    low: float | None = Field(
        description="Lower end of the 80 % interval, never above `value`: of customers with a "
        "value like this, eight in ten bring in what lies between `low` and `high`."
    )
    high: float | None = Field(description="Upper end of the 80 % interval, never below `value`.")
    horizon_days: int | None = Field(
        description="How many days after `as_of` are counted; null without a model."
    )
    extrapolated: bool = Field(
        default=False,
        description="The history is too short for labels of this horizon: a shorter one was "
        "learned and stretched.",
    )
    currency: str | None = Field(
        description="ISO 4217, of the customer's orders, else of their profile; told whatever "
        "`status` is, null where none is known."
    )
    tier: str | None = Field(
        description="`low`, `medium`, `high` or `top`: below the median of the customers the model "
        "was trained on, up to the best 20 %, up to the best 5 %, above. Null unless `status` is "
        "`ok`."
    )
    status: Status
    model: Model
