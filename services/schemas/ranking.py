"""``POST /rank`` and ``GET /decisions/{decision_id}``: the next best action, with its receipt."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from retain.errors import InvalidInput
from services.schemas.actions import RankedAction
from services.schemas.base import MAX_ACTIONS, Answer, Identifier, Request, Whole, or_null
from services.schemas.moment import Context
from services.schemas.receipts import (
    Arm,
    AssignedArm,
    Candidate,
    Moment,
    Policy,
    Standing,
)

_KIND = "`reserved`: counted against limits, by `/rank`; `preview`: of `/predict`, not counted."
_POLICY = "How was chosen: its name, its parameters, the seed where it explores, the basis."
_CONTEXT = "What the request said; `assumed` names what it did not."
_CAPS = "Contacts made, limits and budgets that hold, channels that were closed."
_STALE = "Feature views whose stored values were older than allowed."
_CANDIDATES = "Every action: the chosen one, the others by worth, then the removed ones."


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
                    "context": {
                        "channel": "web",
                        "device": "mobile",
                        "page": "cart",
                        "place": {"country": "GB"},
                        "session": {"views": 4, "seconds": 210, "cart_value": 42.5},
                    },
                    "limit": 3,
                    "receipt": False,
                },
                {"anonymous_id": "visitor-1", "receipt": True},
            ],
        }
    )

    customer_id: Identifier | None = Field(
        default=None,
        description="Whom to decide for; one nobody knows is answered as well, by what pays on "
        "average.",
    )
    anonymous_id: Identifier | None = Field(
        default=None,
        description="A visitor's id, where nobody is signed in; counted apart from customers.",
    )
    context: Annotated[Context, or_null(Context)] = Field(
        default=Context(), description="The moment it is asked in; null says nothing."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ACTIONS, strict=True), Whole] = Field(
        default=3, description="At most so many actions, 1 to 20; only the first is reserved."
    )
    receipt: bool = Field(
        default=False,
        description="Answer what it was decided from, too: every candidate and why it lost, "
        "policy, limits.",
    )

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


class Decision(Answer):
    """A ranked list with its id; durable before it is answered."""

    decision_id: str = Field(
        description="Names the decision in `/decisions/{decision_id}` and in `/feedback`."
    )
    customer_id: str | None = Field(description="The id asked for; null of a visitor.")
    anonymous_id: str | None = Field(
        default=None, description="Of a visitor who is no customer; absent otherwise."
    )
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer the decision is for, where the id asked for was "
        "merged into another; absent otherwise.",
    )
    as_of: datetime = Field(description="The moment it was decided at.")
    actions: list[RankedAction] = Field(
        description="The chosen one, which `/rank` reserves, then what else is worth doing, the "
        "best first; together at most `limit`. The chosen one is the best unless the policy "
        "explores."
    )
    experiment: Arm | None = Field(
        description="The first experiment the customer is in; null in none, and of a visitor."
    )
    models: dict[str, str] = Field(
        description="`head:version` of the champions, by head; where nothing is known of who "
        "asks, only of `next_items` and `response`."
    )
    candidates: list[Candidate] | None = Field(
        default=None,
        description=f"{_CANDIDATES} This and what follows only where a receipt was asked for.",
    )
    kind: Literal["reserved", "preview"] | None = Field(default=None, description=_KIND)
    policy: Policy | None = Field(default=None, description=_POLICY)
    context: Moment | None = Field(default=None, description=_CONTEXT)
    caps: Standing | None = Field(default=None, description=_CAPS)
    features_as_of: datetime | None = Field(
        default=None,
        description="Every event accepted up to then is in the features used; null where nothing "
        "is known of who asks.",
    )
    features_age_seconds: float | None = Field(
        default=None, description="Seconds from `features_as_of` to `as_of`; null with it."
    )
    stale_views: list[str] | None = Field(default=None, description=_STALE)
    experiments: list[AssignedArm] | None = Field(
        default=None, description="Every arm the customer is in, with its share."
    )


class Receipt(Decision):
    """A decision as it was written: with every candidate and what it rested on."""

    customer_id: str | None = Field(
        description="The customer it was decided for: of a merged id the surviving one; null of a "
        "visitor."
    )
    candidates: list[Candidate] = Field(description=_CANDIDATES)
    kind: Literal["reserved", "preview"] = Field(description=_KIND)
    policy: Policy = Field(description=_POLICY)
    context: Moment = Field(description=_CONTEXT)
    caps: Standing = Field(description=_CAPS)
    stale_views: list[str] = Field(description=_STALE)


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
        "context_weight": 1.0,
        "channel_weight": 1.0,
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
    "experiment": {"experiment": "deeper_coupons", "arm": "deeper", "layer": "offers"},
    "candidates": [
        {
            "action_id": "replenishment_email",
            "treatment": "standard",
            "terms": ACTION_EXAMPLE["terms"],
            "removed_by": None,
            "propensity": 1.0,
        },
        {
            "action_id": "winback_reminder_sms",
            "treatment": "standard",
            "terms": {**ACTION_EXAMPLE["terms"], "contact_cost": 0.08, "expected_value": 0.69},
            "removed_by": "consent_channel",
            "propensity": 0.0,
        },
    ],
    "kind": "reserved",
    "policy": {"name": "greedy", "deterministic": True, "basis": "prior"},
    "context": {"channel": "web", "page": "cart"},
    "caps": {"contacts": {"made": 1, "limit": 3, "days": 7.0}, "suppressed_channels": []},
    "features_as_of": "2026-11-21T19:59:58Z",
    "features_age_seconds": 2.0,
    "stale_views": [],
    "experiments": [
        {"experiment": "deeper_coupons", "arm": "deeper", "layer": "offers", "share": 0.5}
    ],
}
STORED_EXAMPLE = RECEIPT_EXAMPLE
