"""``POST /events``: what happened."""

from typing import Any, Literal

from pydantic import Field

from services.schemas.base import MAX_EVENTS, Answer

# The events themselves are read by the vocabulary, one by one, so that one bad event is
# one rejected result and not a refused batch: these schemas only describe them.
EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Event",
    "description": "A Retain event, a CloudEvent or a Segment `track` call. The vocabulary and "
    "its aliases are in the documentation; unknown properties are dropped and named.",
    "examples": [
        {
            "event_id": "01JD0Z6Y8Q",
            "type": "product_added",
            "customer_id": "17850",
            "timestamp": "2026-11-21T19:58:11Z",
            "channel": "web",
            "properties": {"product_id": "sku-1", "category": "lunch bags", "quantity": 2},
        },
        {
            "specversion": "1.0",
            "id": "c-1001",
            "source": "shop",
            "type": "order_completed",
            "subject": "17850",
            "time": "2026-11-21T19:59:00Z",
            "data": {"order_id": "o-1", "total": 42.5, "currency": "GBP"},
        },
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": "s-77",
            "userId": "17850",
            "timestamp": "2026-11-21T19:57:00Z",
            "properties": {"product_id": "sku-2"},
        },
    ],
}
_EVENTS: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_EVENTS,
    "items": {"$ref": "#/components/schemas/Event"},
}
# of no type: what cannot be read costs nobody an event
_SENT_AT: dict[str, Any] = {
    "description": "When the batch was sent, by the sender's clock, as a date-time: corrects the "
    "times of those of its events that do not say it themselves. One that is no time is named in "
    "their `dropped`, and corrects nothing.",
    "examples": ["2026-11-21T19:58:12Z"],
}
BATCH_SCHEMA: dict[str, Any] = {
    "title": "EventBatch",
    "description": f"1 to {MAX_EVENTS:,} events: an object with `events` (or Segment's `batch`), "
    "a bare list, or one event.",
    "anyOf": [
        {
            "type": "object",
            "required": ["events"],
            "properties": {"events": _EVENTS, "sent_at": _SENT_AT},
        },
        {
            "type": "object",
            "required": ["batch"],
            "properties": {"batch": _EVENTS, "sentAt": _SENT_AT},
        },
        _EVENTS,
        {
            "allOf": [{"$ref": "#/components/schemas/Event"}],
            "not": {"anyOf": [{"required": ["events"]}, {"required": ["batch"]}]},
        },
    ],
    "examples": [{"events": [EVENT_SCHEMA["examples"][0]]}, [EVENT_SCHEMA["examples"][1]]],
}


class PropertyReading(Answer):
    """What became of one name that was given, or where a stored value came from."""

    given: str | None = Field(description="The name in the record; null where it was derived.")
    property: str | None = Field(description="The vocabulary's name, where it has one.")
    outcome: Literal["kept", "renamed", "converted", "derived", "dropped"] = Field(
        description="What was done with it; what is `dropped` is not stored."
    )
    why: str | None = Field(default=None, description="Why it was dropped.")
    value: Any = Field(default=None, description="As it would be stored, where that is another.")


class TimeReading(Answer):
    """When the event happened, as it would be stored."""

    given: str | None = Field(description="As the record has it; null where it has none.")
    stored: str | None = Field(description="UTC; null where the event is rejected.")
    why: str | None = Field(default=None, description="Why it is not the time given.")


class EventExplanation(Answer):
    """How a record was read (`?dry_run=true`)."""

    envelope: Literal["retain", "cloudevents", "segment"] | None = Field(
        description="The form it was sent in; null where it is none of these."
    )
    type: dict[str, str | None] | None = Field(description="`given`, and what it is `read_as`.")
    fields: list[dict[str, str]] = Field(
        default_factory=list, description="Fields of every event: the name `given`, and `read_as`."
    )
    properties: list[PropertyReading] = Field(
        description="What became of every property, and which were derived."
    )
    time: TimeReading | None = Field(default=None, description="When it happened.")
    customer: dict[str, str | None] | None = Field(
        default=None, description="Whose event it is; `why` where it is nobody's yet."
    )
    feature_views: list[str] = Field(description="The feature views it has a part in.")


class EventResult(Answer):
    """What became of one event, in the order sent."""

    event_id: str | None = Field(description="Given, or derived from the event's content.")
    status: Literal["accepted", "duplicate", "rejected"] = Field(
        description="`accepted` is durable; `duplicate`: this id was taken before; `rejected` is "
        "not stored."
    )
    reason: str | None = Field(description="Why it was rejected: a countable name.")
    detail: str | None = Field(default=None, description="The same as a sentence.")
    dropped: list[str] = Field(
        default_factory=list, description="Properties the vocabulary does not have."
    )
    corrected_from: str | None = Field(
        default=None,
        description="The time as given, where the sender's clock (`sent_at`) was off or the time "
        "a little in the future; stored is the corrected one.",
    )
    warnings: list[str] = Field(
        default_factory=list,
        description="What was stored and changes nothing: a purpose or channel nobody knows.",
    )
    explanation: EventExplanation | None = Field(
        default=None, description="With `?dry_run=true`: how the record was read."
    )


class EventResults(Answer):
    """One result per event; the HTTP status is 207 when some were rejected."""

    results: list[EventResult] = Field(description="In the order sent.")


EXAMPLE: dict[str, Any] = {
    "results": [
        {
            "event_id": "01JD0Z6Y8Q",
            "status": "accepted",
            "reason": None,
            "detail": None,
            "dropped": [],
            "corrected_from": None,
            "warnings": [],
        }
    ]
}
MIXED_EXAMPLE: dict[str, Any] = {
    "results": [
        *EXAMPLE["results"],
        {
            "event_id": "e-2",
            "status": "rejected",
            "reason": "unknown_type",
            "detail": "'teleported' is not in the event vocabulary",
            "dropped": [],
            "corrected_from": None,
            "warnings": [],
        },
    ]
}
