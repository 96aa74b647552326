"""The forms that ``POST /events`` takes events in.

The events themselves are read by the vocabulary, one by one, so that one bad event is one rejected
result and not a refused batch: these schemas only describe them, and their fields are of no type.
"""

from typing import Any

from retain.vocabulary import vocabulary
from services.schemas.base import MAX_EVENTS

Schema = dict[str, Any]

EXAMPLES: list[Schema] = [
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
]
_TIME = (
    "When it happened: ISO 8601, in UTC where it says no offset, or seconds, milliseconds or "
    "microseconds since 1970."
)
_WHO = "The customer, a text or number of at most 200 characters; this or `{other}` is needed."
_VISITOR = (
    "A visitor's id, where nobody is signed in: counts for the customer that an event links it to."
)
_ID = (
    "Names the event: one id is taken once, so sending again does no harm. Without one it is "
    "derived from the content."
)
_BAG = "What the type is about, by the vocabulary's names; what it does not have is dropped."
_SENT = (
    "When the event was sent, by the same clock as its time: corrects a clock that is off. Goes "
    "before that of the batch."
)
_CHANNEL = "Where it happened, or what a message went over: `web`, `app`, `email`, `store` …"
_RETAIN: dict[str, str] = {
    "event_id": _ID,
    "customer_id": _WHO.format(other="anonymous_id"),
    "anonymous_id": _VISITOR,
    "session_id": "The visit it happened in.",
    "timestamp": f"{_TIME} At most five minutes ahead of the service's clock.",
    "sent_at": _SENT,
    "channel": _CHANNEL,
    "device": "What it was done with: `mobile`, `desktop` …",
    "source": "The system that tells it.",
    "properties": f"{_BAG} Fields beside it that are none of these count as properties, too.",
}
_CLOUDEVENT: dict[str, str] = {
    "type": "What happened, as of a Retain event; also at the end of a longer name, such as "
    "`com.shop.order_completed.v1`.",
    "specversion": "The version of CloudEvents; makes the record one.",
    "id": "Names the event within its `source`: both together are taken once.",
    "source": "The system that tells it.",
    "subject": "The customer, unless `data` names one.",
    "time": _TIME,
    "data": f"{_BAG} Or a whole Retain event, with `properties`.",
}
_SEGMENT: dict[str, str] = {
    "type": "Segment's call: `track`, `identify` (traits), `page`, `screen` or `alias` (an id that "
    "is another's).",
    "event": "Of `track`: what happened, as of a Retain event.",
    "messageId": _ID,
    "userId": _WHO.format(other="anonymousId"),
    "anonymousId": _VISITOR,
    "timestamp": _TIME,
    "originalTimestamp": "When it happened, where there is no `timestamp`.",
    "sentAt": _SENT,
    "channel": "Segment's channel: `browser` is `web`, `mobile` is `app`.",
    "properties": _BAG,
    "traits": "Of `identify`: what is known of the customer.",
    "previousId": "Of `alias`: the id that is this customer's, too.",
    "name": "Of `page` and `screen`: what it is called.",
    "context": "What the library adds: session, device, locale, time zone, campaign, page.",
}
_EVENTS: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_EVENTS,
    "description": f"1 to {MAX_EVENTS:,} events, answered in this order.",
    "items": {"$ref": "#/components/schemas/Event"},
}
# of no type: what cannot be read costs nobody an event
_SENT_AT: Schema = {
    "description": "When the batch was sent, by the sender's clock, as a date-time: corrects the "
    "times of those of its events that do not say it themselves. One that is no time is named in "
    "their `dropped`, and corrects nothing.",
    "examples": ["2026-11-21T19:58:12Z"],
}
BATCH_SCHEMA: Schema = {
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
    "examples": [{"events": EXAMPLES[:1]}, EXAMPLES[1:2]],
}


def event_schema() -> Schema:
    """One event in any of its forms; the types are those of the vocabulary."""
    types = ", ".join(f"`{name}`" for name in vocabulary().types)
    named = f"What happened, by the vocabulary's name or an alias of it: {types}."
    return {
        "title": "Event",
        "type": "object",
        "description": "A Retain event, a CloudEvent or a call of Segment's. The vocabulary's "
        "properties and aliases are in the documentation; unknown properties are dropped and "
        "named.",
        "anyOf": [
            _form("A Retain event.", {"type": named} | _RETAIN, EXAMPLES[0]),
            _form("A CloudEvent.", _CLOUDEVENT, EXAMPLES[1]),
            _form("A call of Segment's.", _SEGMENT, EXAMPLES[2]),
        ],
        "examples": EXAMPLES,
    }


def _form(description: str, fields: dict[str, str], example: Schema) -> Schema:
    described: dict[str, Schema] = {}
    for name, text in fields.items():
        described[name] = {"description": text}
        if name in example:
            described[name]["examples"] = [example[name]]
    return {"description": description, "properties": described}
