"""``POST /rank`` and ``GET /decisions/{decision_id}``: the next best action, with its receipt."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from retain.decisions.context import ContextChannel
from retain.errors import InvalidInput
from services.schemas.base import MAX_ACTIONS, Answer, Identifier, Probability, Request


class Context(Request):
    """Where the customer is right now."""

    channel: ContextChannel | None = Field(default=None, description="Where the customer is.")
    device: Identifier | None = Field(default=None, description="`mobile`, `desktop` …")
    page: Identifier | None = Field(default=None, description="The kind of page, e.g. `cart`.")
    local_time: datetime | None = Field(
        default=None, description="The customer's own wall clock, with or without an offset."
    )


class RankRequest(Request):
    """A customer or an anonymous visitor: give exactly one of the two ids."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": [name],
                    "properties": {name: {"type": "string"}, other: {"type": "null"}},
                }
                for name, other in (
                    ("customer_id", "anonymous_id"),
                    ("anonymous_id", "customer_id"),
                )
            ],
            "examples": [
                {
                    "customer_id": "17850",
                    "context": {"channel": "web", "device": "mobile", "page": "cart"},
                    "limit": 3,
                    "receipt": False,
                },
                {"anonymous_id": "visitor-1", "receipt": True},
            ],
        }
    )

    customer_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    context: Context = Context()
    limit: int = Field(default=3, ge=1, le=MAX_ACTIONS, strict=True)
    receipt: bool = Field(default=False, description="Answer every candidate and why it lost.")

    def check(self) -> None:
        """Exactly one id was given.

        Raises:
            InvalidInput: neither or both were.
        """
        if (self.customer_id is None) == (self.anonymous_id is None):
            raise InvalidInput(
                "give exactly one of customer_id and anonymous_id",
                remedy="customer_id for a known customer, anonymous_id for a visitor",
                field="customer_id",
            )


class RankedAction(Answer):
    """One action, best first; `none`, doing nothing, is an action too."""

    action_id: str
    channel: str | None
    treatment: str | None
    tone: str | None
    content_type: str | None
    items: list[str]
    send_at: datetime | None
    expires_at: datetime | None
    score: float | None = Field(description="Expected incremental value, in the currency.")
    propensity: Probability | None = Field(description="How likely this action was to be chosen.")
    terms: dict[str, Any] = Field(description="What the score is made of.")


class Candidate(Answer):
    """An action that was looked at, and the rule that removed it, if any did."""

    action_id: str
    treatment: str | None = None
    terms: dict[str, Any]
    removed_by: str | None


class Decision(Answer):
    """A ranked list with its id; durable before it is answered."""

    decision_id: str
    customer_id: str | None
    anonymous_id: str | None = Field(default=None, description="Of a visitor who is no customer.")
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer the decision is for, where the id asked for was "
        "merged into another; absent otherwise.",
    )
    as_of: datetime
    actions: list[RankedAction]
    experiment: dict[str, Any] | None
    models: dict[str, str]
    candidates: list[Candidate] | None = Field(
        default=None, description="Only where a receipt was asked for."
    )


class Receipt(Decision):
    """A decision as it was written: with every candidate and what it rested on."""

    kind: Literal["reserved", "preview"]
    policy: dict[str, Any] = Field(description="How the ranking was made.")
    context: dict[str, Any] = Field(description="What the request said about the moment.")
    caps: dict[str, Any] = Field(description="Contacts made, and the limits that hold.")
    features_as_of: datetime | None
    stale_views: list[str]


ACTION_EXAMPLE: dict[str, Any] = {
    "action_id": "replenishment_email",
    "channel": "email",
    "treatment": "standard",
    "tone": "trust",
    "content_type": "text",
    "items": ["sku-1", "sku-2"],
    "send_at": "2026-11-22T09:00:00Z",
    "expires_at": "2026-11-25T09:00:00Z",
    "score": 0.75,
    "propensity": 1.0,
    "terms": {
        "basis": "prior",
        "conversion": 0.34,
        "uplift": 0.02,
        "value": 110.0,
        "margin": 0.35,
        "contact_cost": 0.02,
        "redemption_cost": 0.0,
        "lever": 1.0,
        "expected_value": 0.75,
    },
}
EXAMPLE: dict[str, Any] = {
    "decision_id": "01JD0Z6Y8Q4X1V9T3R5P7N2M6K",
    "customer_id": "17850",
    "as_of": "2026-11-21T20:00:00Z",
    "actions": [ACTION_EXAMPLE],
    "experiment": None,
    "models": {"churn": "churn:ab12", "ltv": "ltv:ab12"},
}
RECEIPT_EXAMPLE: dict[str, Any] = {
    **EXAMPLE,
    "candidates": [
        {
            "action_id": "replenishment_email",
            "terms": ACTION_EXAMPLE["terms"],
            "removed_by": None,
        },
        {"action_id": "winback_reminder_sms", "terms": {}, "removed_by": "consent_channel"},
    ],
}
STORED_EXAMPLE: dict[str, Any] = {
    **RECEIPT_EXAMPLE,
    "kind": "reserved",
    "policy": {"name": "greedy", "deterministic": True},
    "context": {"channel": "web", "page": "cart"},
    "caps": {"contacts": {"made": 1, "limit": 3, "days": 7.0}, "suppressed_channels": []},
    "features_as_of": "2026-11-21T19:59:58Z",
    "stale_views": [],
}
