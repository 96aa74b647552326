"""``GET /customers/{customer_id}``: what is known about one customer."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.schemas.base import Answer
from services.schemas.predictions import Segment


class Feature(Answer):
    """One feature's value at `as_of`, and how old the stored value behind it is."""

    value: float | str | list[str] | None
    age_seconds: float | None = Field(description="How long ago it was computed.")


class Consent(Answer):
    """What the customer allows."""

    withdrawn_channels: list[str]
    withdrawn_purposes: list[str]
    reachable_channels: list[str]
    max_contacts_per_week: float | None


class Profile(Answer):
    """Features with their ages, segment and consent of one customer."""

    customer_id: str
    as_of: datetime
    features_as_of: datetime | None
    stale_views: list[str]
    segment: Segment
    consent: Consent
    features: dict[str, Feature]


EXAMPLE: dict[str, Any] = {
    "customer_id": "17850",
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
