"""``POST /rank`` and ``GET /decisions/{decision_id}``: the next best action, with its receipt."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from retain.decisions import context
from retain.decisions.context import ContextChannel, Device, Page
from retain.errors import InvalidInput
from services.schemas.base import (
    MAX_ACTIONS,
    Answer,
    Count,
    Identifier,
    Probability,
    Request,
    Whole,
    or_null,
)

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_DAY = re.compile(r"[\dW-]*")


def _local(given: Any) -> Any:
    """Neither a number of seconds nor a day is a wall clock, though both can be read as a time."""
    if isinstance(given, datetime):
        return given
    try:
        if not isinstance(given, str) or _DAY.fullmatch(given):
            raise ValueError  # noqa: TRY301 - told below like any other
        return datetime.fromisoformat(given)
    except ValueError:
        told = f"{given!r:.60} is not an ISO 8601 time; write it like 2026-11-21T20:15:00+09:00"
        raise ValueError(told) from None


LocalTime = Annotated[datetime, BeforeValidator(_local)]


class Place(Request):
    """Where on Earth, or in which shop."""

    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2, e.g. `KR`.")
    region: Identifier | None = None
    store: Identifier | None = Field(default=None, description="The shop the customer is in.")


class Session(Request):
    """What the customer did in this visit so far."""

    source: Identifier | None = Field(
        default=None, description="Where the visit came from: `search`, `newsletter` …"
    )
    views: Count | None = Field(default=None, description="Products looked at.")
    searches: Count | None = None
    seconds: float | None = Field(default=None, ge=0, le=1e7, description="Since it began.")
    cart_items: Count | None = None
    cart_value: float | None = Field(
        default=None, ge=0, le=1e9, description="In the customer's currency."
    )


class Context(Request):
    """Where the customer is right now, and what they are doing."""

    channel: ContextChannel | None = Field(
        default=None, description="Where the customer is; a visitor without it is on the `web`."
    )
    device: Device | None = Field(default=None, description="What they hold in their hand.")
    page: Page | None = Field(default=None, description="The kind of page they look at.")
    place: Annotated[Place, or_null(Place)] = Place()
    session: Annotated[Session, or_null(Session)] = Session()
    local_time: LocalTime | None = Field(
        default=None,
        description="The customer's own wall clock in ISO 8601, with or without an offset. It "
        "tells their time zone, which quiet hours are kept in.",
    )

    def moment(self) -> context.Context:
        """The same as the ranking reads it."""
        return context.Context(
            channel=self.channel,
            device=self.device,
            page=self.page,
            place=context.Place(**self.place.model_dump()),
            session=context.Session(**self.session.model_dump()),
            local_time=self.local_time,
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

    customer_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    context: Annotated[Context, or_null(Context)] = Context()
    limit: Annotated[int, Field(ge=1, le=MAX_ACTIONS, strict=True), Whole] = 3
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
    propensity: Probability | None = Field(
        description="How likely this action was to be the first, under the policy and all limits."
    )
    terms: dict[str, Any] = Field(description="What the score is made of.")


class Candidate(Answer):
    """An action that was looked at, and the rule that removed it, if any did."""

    action_id: str
    treatment: str | None = None
    terms: dict[str, Any]
    removed_by: str | None
    propensity: Probability | None = Field(
        default=None, description="How likely the policy was to choose it."
    )
    rank: int | None = Field(
        default=None, description="Its place among those the policy chose from, 0 the best."
    )
    spread: float | None = Field(
        default=None, description="Standard deviation of what is believed of its score."
    )
    new: bool | None = Field(default=None, description="Whether it has too few outcomes yet.")


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
    experiment: dict[str, Any] | None = Field(
        description="The first experiment the customer is in: `experiment`, `arm` and `layer`."
    )
    models: dict[str, str]
    candidates: list[Candidate] | None = Field(
        default=None,
        description="Every action and why it was not chosen; this and what follows "
        "only where a receipt was asked for.",
    )
    kind: Literal["reserved", "preview"] | None = None
    policy: dict[str, Any] | None = Field(default=None, description="How was chosen, and the seed.")
    context: dict[str, Any] | None = Field(
        default=None, description="What the request said; `assumed` names what it did not."
    )
    caps: dict[str, Any] | None = Field(
        default=None, description="Contacts made, limits that hold."
    )
    features_as_of: datetime | None = None
    features_age_seconds: float | None = Field(default=None, description="How old they were.")
    stale_views: list[str] | None = None
    experiments: list[dict[str, Any]] | None = Field(
        default=None, description="Every arm the customer is in, with its share."
    )


class Receipt(Decision):
    """A decision as it was written: with every candidate and what it rested on."""

    candidates: list[Candidate]
    kind: Literal["reserved", "preview"]
    policy: dict[str, Any]
    context: dict[str, Any]
    caps: dict[str, Any]
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
