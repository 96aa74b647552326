"""``POST /events``: what became of the events; how they are sent is in :mod:`event_forms`."""

from typing import Any, Literal

from pydantic import Field

from services.schemas.base import Answer


class PropertyReading(Answer):
    """What became of one name that was given, or where a stored value came from."""

    given: str | None = Field(description="The name in the record; null where it was derived.")
    property: str | None = Field(
        description="The vocabulary's name for it; null where it has none for this type."
    )
    outcome: Literal["kept", "renamed", "converted", "derived", "dropped"] = Field(
        description="What was done with it: `renamed`, from another spelling; `converted`, to "
        "another type or form; `derived`, from the others; what is `dropped` is not stored."
    )
    why: str | None = Field(
        default=None, description="Why it was dropped; absent where it was not."
    )
    given_value: str | None = Field(
        default=None,
        alias="from",
        description="The value as given, shortened to a text, where it was converted; else absent.",
    )
    value: Any = Field(
        default=None,
        description="The value as it would be stored, where it was converted or derived; else "
        "absent.",
    )


class TypeReading(Answer):
    """Which event of the vocabulary a record is."""

    given: str | None = Field(description="The type in the record; null where it has none.")
    read_as: str | None = Field(
        description="The vocabulary's name for it; null where there is none."
    )


class FieldReading(Answer):
    """Which of the names given a field of every event was read from."""

    given: str = Field(description="The name in the record.")
    read_as: str = Field(description="The field it was read as.")


class TimeReading(Answer):
    """When the event happened, as it would be stored."""

    given: str | None = Field(description="As the record has it; null where it has none.")
    stored: str | None = Field(description="UTC; null where the event is rejected.")
    why: str | None = Field(
        default=None, description="Why it is another than the time given; else absent."
    )


class CustomerReading(Answer):
    """Whose event it is."""

    customer_id: str | None = Field(description="As it would be stored; null of a visitor.")
    anonymous_id: str | None = Field(description="The visitor's id; null where none was given.")
    merged_into: str | None = Field(
        default=None,
        description="The surviving customer whose features it changes, where `customer_id` was "
        "merged into another; else absent.",
    )
    why: str | None = Field(
        default=None,
        description="Why it counts for another customer, or for nobody yet; else absent.",
    )


class EventExplanation(Answer):
    """How a record was read (`?dry_run=true`)."""

    envelope: Literal["retain", "cloudevents", "segment"] | None = Field(
        description="The form it was sent in; null where it is no object."
    )
    type: TypeReading | None = Field(
        description="Which event it is; null where the record could not be read at all."
    )
    fields: list[FieldReading] = Field(
        default_factory=list,
        description="The fields of every event that were given; absent where `type` is null.",
    )
    properties: list[PropertyReading] = Field(
        description="What became of every property, and which were derived."
    )
    time: TimeReading | None = Field(
        default=None, description="When it happened; absent where `type` is null."
    )
    customer: CustomerReading | None = Field(
        default=None, description="Whose event it is; null or absent where it is rejected."
    )
    why: str | None = Field(
        default=None,
        description="Why its properties could not be read at all; absent where they could.",
    )
    feature_views: list[str] = Field(
        description="The feature views it has a part in; none where it is rejected."
    )


class EventResult(Answer):
    """What became of one event, in the order sent."""

    event_id: str | None = Field(
        description="Given, or derived from the event's content; null where a rejected one has "
        "none."
    )
    status: Literal["accepted", "duplicate", "rejected"] = Field(
        description="`accepted` is durable; `duplicate`: this id was taken before; `rejected` is "
        "not stored. With `dry_run`, what it would be."
    )
    reason: str | None = Field(
        description="Why it was rejected: a countable name such as `unknown_type`; else null."
    )
    detail: str | None = Field(
        default=None, description="The same as a sentence; null where it was not rejected."
    )
    dropped: list[str] = Field(
        default_factory=list,
        description="Names given that the vocabulary does not have for this type, so that they are "
        "not stored; and `sent_at` where it is no time.",
    )
    corrected_from: str | None = Field(
        default=None,
        description="The time as given, where the sender's clock (`sent_at`) was off or the time "
        "a little in the future; stored is the corrected one. Null where it was stored as given.",
    )
    warnings: list[str] = Field(
        default_factory=list,
        description="What was stored and changes nothing: a purpose or channel nobody knows.",
    )
    explanation: EventExplanation | None = Field(
        default=None, description="With `?dry_run=true`: how the record was read; else absent."
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
DRY_RUN_EXAMPLE: dict[str, Any] = {
    "results": [
        {
            **EXAMPLE["results"][0],
            "dropped": ["colour"],
            "explanation": {
                "envelope": "retain",
                "type": {"given": "Product Added", "read_as": "product_added"},
                "fields": [
                    {"given": "event_id", "read_as": "event_id"},
                    {"given": "type", "read_as": "type"},
                    {"given": "userId", "read_as": "customer_id"},
                    {"given": "timestamp", "read_as": "timestamp"},
                    {"given": "channel", "read_as": "channel"},
                ],
                "properties": [
                    {"given": "product_id", "property": "product_id", "outcome": "kept"},
                    {
                        "given": "quantity",
                        "property": "quantity",
                        "outcome": "converted",
                        "from": "2",
                        "value": 2.0,
                    },
                    {
                        "given": "colour",
                        "property": None,
                        "outcome": "dropped",
                        "why": "the vocabulary has no such property of this type",
                    },
                ],
                "time": {"given": "2026-11-21T19:58:11Z", "stored": "2026-11-21T19:58:11Z"},
                "customer": {"customer_id": "17850", "anonymous_id": None},
                "feature_views": ["activity", "sessions", "cart"],
            },
        }
    ]
}
