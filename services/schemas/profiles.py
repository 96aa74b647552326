"""``GET /customers/{customer_id}``: what is known about one customer."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.schemas.base import Answer
from services.schemas.segments import Segment


class Feature(Answer):
    """One feature's value at `as_of`, and how far behind that the events in it are."""

    value: float | str | list[str] | None = Field(
        description="A number, a text or a list of texts, in the unit the catalogue of features "
        "says; null is missing."
    )
    age_seconds: float | None = Field(
        description="Seconds from `features_as_of` to `as_of`: the same of every feature; 0 where "
        "every accepted event is in it."
    )


class Consent(Answer):
    """What the customer allows."""

    withdrawn_channels: list[str] = Field(
        description="Channels consent was withdrawn for; empty where none was."
    )
    withdrawn_purposes: list[str] = Field(
        description="What data may not be used for; with `profiling` or `all` no score is told. "
        "Empty where nothing was withdrawn."
    )
    reachable_channels: list[str] = Field(
        description="Channels the customer said they can be reached on; empty where they said "
        "nothing."
    )
    max_contacts_per_week: float | None = Field(
        description="The customer's own limit of contacts in a week; null where they set none."
    )


class Identity(Answer):
    """Another id that is this customer, and the event that says so."""

    kind: Literal["anonymous", "customer"] = Field(
        description="`anonymous`: a visitor's id; `customer`: that of a customer who was merged "
        "into this one."
    )
    id: str = Field(description="The id as events name it.")
    since: datetime = Field(description="From then on its whole history is the customer's.")
    event_id: str | None = Field(description="The id of the event that linked it.")
    linked_to: str | None = Field(
        description="The customer's id it was linked to; another than the survivor's where that "
        "one was merged, too."
    )


class Profile(Answer):
    """Features with their ages, segment and consent of one customer."""

    customer_id: str = Field(description="The id asked for.")
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer, where this id was merged into another: everything "
        "answered is that customer's; else null.",
    )
    identities: list[Identity] = Field(
        default_factory=list, description="The other ids of the surviving customer."
    )
    as_of: datetime = Field(description="The moment of the answer.")
    features_as_of: datetime | None = Field(
        description="Every event accepted up to then is in the features."
    )
    stale_views: list[str] = Field(
        description="Feature views whose stored values are older than allowed."
    )
    segment: Segment = Field(description="Where the customer stands today.")
    consent: Consent = Field(description="What they allow to be done.")
    features: dict[str, Feature] = Field(
        description="Every feature of the catalogue by its name, and what the models make of them "
        "as rules read it: `churn_probability`, `purchase_probability_7d`, `…_30d`, `…_90d`, "
        "`ltv_value`; null where `/predict` withholds them."
    )


EXAMPLE: dict[str, Any] = {
    "customer_id": "17850",
    "merged_into": None,
    "identities": [
        {
            "kind": "anonymous",
            "id": "a-5f2c",
            "since": "2026-11-02T09:30:00Z",
            "event_id": "e-118",
            "linked_to": "17850",
        }
    ],
    "as_of": "2026-11-21T20:00:00Z",
    "features_as_of": "2026-11-21T19:59:58Z",
    "stale_views": [],
    "segment": {"name": "loyal_high_value", "priority": "A", "stage": "loyalty", "tags": []},
    "consent": {
        "withdrawn_channels": ["sms"],
        "withdrawn_purposes": [],
        "reachable_channels": ["email"],
        "max_contacts_per_week": 2.0,
    },
    "features": {
        "order_recency_days": {"value": 12.4, "age_seconds": 2.0},
        "favourite_category": {"value": "lunch bags", "age_seconds": 2.0},
    },
}
