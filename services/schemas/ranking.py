"""``POST /rank`` and ``GET /decisions/{decision_id}``: the next best action, with its receipt."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from retain.errors import InvalidInput
from services.schemas.actions import RankedAction
from services.schemas.base import (
    MAX_ACTIONS,
    Answer,
    Identifier,
    Probability,
    Request,
    Whole,
    or_null,
)
from services.schemas.moment import Context

_KIND = "`reserved`: counted against limits, by `/rank`; `preview`: of `/predict`, not counted."
_POLICY = "How was chosen: its name, its parameters, the seed where it explores, the basis."
_CONTEXT = "What the request said; `assumed` names what it did not."
_CAPS = "Contacts made, limits and budgets that hold, channels that were closed."
_STALE = "Feature views older than allowed."


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
        default=None, description="Whom to decide for; one nobody knows is answered as well."
    )
    anonymous_id: Identifier | None = Field(
        default=None, description="A visitor's id, where nobody is signed in."
    )
    context: Annotated[Context, or_null(Context)] = Field(
        default=Context(), description="The moment it is asked in; null says nothing."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ACTIONS, strict=True), Whole] = Field(
        default=3, description="At most so many actions; only the first is reserved."
    )
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


class Candidate(Answer):
    """An action that was looked at, and the rule that removed it, if any did."""

    action_id: str = Field(description="The action, as `actions.yaml` names it.")
    treatment: str | None = Field(default=None, description="Which variant of it was weighed.")
    terms: dict[str, Any] = Field(description="What its score is made of.")
    removed_by: str | None = Field(description="The rule that removed it; null where none did.")
    propensity: Probability | None = Field(
        default=None, description="How likely the policy was to choose it."
    )
    rank: int | None = Field(
        default=None, description="Its place among those the policy chose from, 0 the best."
    )
    spread: float | None = Field(
        default=None, description="Standard deviation of what is believed of its score."
    )
    shared: float | None = Field(
        default=None, description="How much of `spread` all actions share."
    )
    new: bool | None = Field(default=None, description="Whether it has too few outcomes yet.")


class Decision(Answer):
    """A ranked list with its id; durable before it is answered."""

    decision_id: str = Field(
        description="Names the decision in `/decisions/{decision_id}` and in `/feedback`."
    )
    customer_id: str | None = Field(description="The id asked for; null of a visitor.")
    anonymous_id: str | None = Field(default=None, description="Of a visitor who is no customer.")
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer the decision is for, where the id asked for was "
        "merged into another; absent otherwise.",
    )
    as_of: datetime = Field(description="The moment it was decided at.")
    actions: list[RankedAction] = Field(description="The best first; the first is reserved.")
    experiment: dict[str, Any] | None = Field(
        description="The first experiment the customer is in: `experiment`, `arm` and `layer`."
    )
    models: dict[str, str] = Field(description="`head:version` of what answered, by head.")
    candidates: list[Candidate] | None = Field(
        default=None,
        description="Every action and why it was not chosen; this and what follows "
        "only where a receipt was asked for.",
    )
    kind: Literal["reserved", "preview"] | None = Field(default=None, description=_KIND)
    policy: dict[str, Any] | None = Field(default=None, description=_POLICY)
    context: dict[str, Any] | None = Field(default=None, description=_CONTEXT)
    caps: dict[str, Any] | None = Field(default=None, description=_CAPS)
    features_as_of: datetime | None = Field(
        default=None, description="Until when events are reflected in the features used."
    )
    features_age_seconds: float | None = Field(default=None, description="How old they were.")
    stale_views: list[str] | None = Field(default=None, description=_STALE)
    experiments: list[dict[str, Any]] | None = Field(
        default=None, description="Every arm the customer is in, with its share."
    )


class Receipt(Decision):
    """A decision as it was written: with every candidate and what it rested on."""

    candidates: list[Candidate] = Field(description="Every action and why it was not chosen.")
    kind: Literal["reserved", "preview"] = Field(description=_KIND)
    policy: dict[str, Any] = Field(description=_POLICY)
    context: dict[str, Any] = Field(description=_CONTEXT)
    caps: dict[str, Any] = Field(description=_CAPS)
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
