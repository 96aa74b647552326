"""``POST /predict``: what will this customer do, and what should be done about it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from retain.errors import InvalidInput
from services.schemas.actions import NextBestAction
from services.schemas.base import (
    MAX_CUSTOMERS,
    MAX_EXPLAINED,
    Answer,
    Identifier,
    Request,
    UtcTime,
)
from services.schemas.heads import Churn, Ltv, NextPurchase
from services.schemas.reasons import Reason
from services.schemas.segments import Segment
from services.schemas.statuses import CustomerStatus, Missing

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

    @property
    def counted_as(self) -> str:
        """Its route in metrics; lists are told apart, which take as long as they are long."""
        return "/predict" if self.customer_ids is None else "/predict (list)"

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


class Prediction(Answer):
    """One customer's answer; the parts not asked for are absent."""

    customer_id: str = Field(description="The id asked for.")
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer, where the id asked for was merged into another: "
        "everything answered is that customer's.",
    )
    status: CustomerStatus = Field(
        description="The status of churn; where churn has no model or is not about this customer, "
        "what is so of every head (`insufficient_data`: never ordered). `degraded`: it would be "
        "`ok`, but a store is away, and `degraded` says what the answer lacks; of another status "
        "too. In lists also `unknown_customer`: no event by `as_of`, and `unavailable`: a store is "
        "away, and without it nothing is known of this customer; ask again."
    )
    degraded: list[Missing] = Field(
        default_factory=list,
        description="What is missing or uncertain because a store is away; absent where nothing "
        "is. `freshness`: what happened after `features_as_of` (also a consent withdrawn, a merge) "
        "may not be in it. `features`: nothing could be read. `next_items`: categories and "
        "products are left out. `next_best_action`: it is null, since limits on contacts and "
        "consent could not be checked.",
    )
    as_of: datetime | None = Field(
        default=None,
        description="The moment scored at; absent, as all that follows, where `status` is "
        "`unknown_customer` or `unavailable`.",
    )
    features_as_of: datetime | None = Field(
        default=None,
        description="Every event accepted up to then is in the features used; with `freshness` in "
        "`degraded`, when these were stored.",
    )
    stale_views: list[str] = Field(
        default_factory=list,
        description="Feature views whose stored values are older than allowed; heads that read "
        "one say `stale_features`.",
    )
    churn: Churn | None = Field(
        default=None,
        description="Whether they leave; absent where `include` leaves it out, as the next four.",
    )
    next_purchase: NextPurchase | None = Field(
        default=None, description="When they order next, and what."
    )
    ltv: Ltv | None = Field(default=None, description="What they will be worth.")
    segment: Segment | None = Field(default=None, description="Where they stand at `as_of`.")
    next_best_action: NextBestAction | None = Field(
        default=None,
        description="What to do next, as a preview: nothing is reserved. Null where limits on "
        "contacts and consent could not be checked (`degraded`).",
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description="With `explain`: by head, the largest first, at most five of each and none "
        "below 2 %; of heads that tell no score, none.",
    )


class Predictions(Answer):
    """Many customers, in the order asked for."""

    predictions: list[Prediction] = Field(description="One for each id, in the order asked.")


class PredictAnswer(RootModel[Prediction | Predictions]):
    """One prediction, or several under `predictions`."""
