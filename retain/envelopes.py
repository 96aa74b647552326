"""Records as other systems wrap them: CloudEvents 1.0 and the calls of Segment's spec.

Sources: CloudEvents 1.0.2 and its JSON event format; the Segment Spec (track, identify,
page, screen, alias; common fields) and its e-commerce events.
"""

import re
from collections.abc import Mapping
from math import isinf
from typing import Any

from retain.fields import COMMON_SPELLINGS, bag_of
from retain.set_aside import Refused
from retain.vocabulary import vocabulary

_SEGMENT_CALLS = {
    "identify": "profile_updated",
    "page": "page_viewed",
    "screen": "page_viewed",
    "alias": "identity_linked",
}
_CALLS = ("track", "group", *_SEGMENT_CALLS)
_SEGMENT_IDS = ("userId", "anonymousId", "messageId")
_SEGMENT_CHANNELS = {"browser": "web", "mobile": "app"}
_WHO = frozenset(
    spelling
    for name, spellings in COMMON_SPELLINGS.items()
    if name not in {"event_id", "type", "timestamp", "source"}
    for spelling in spellings
)
_VERSION = re.compile(r"\.v?\d+(\.\d+)*$")


def unwrap(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Retain event in ``record``, as :func:`retain.event.read_event` takes it.

    A record that is no known envelope is given back as it is.
    """
    if "specversion" in record:
        return _from_cloudevent(record)
    if record.get("type") in _CALLS and any(name in record for name in _SEGMENT_IDS):
        return _from_segment(record)
    return record


def _from_cloudevent(record: Mapping[str, Any]) -> dict[str, Any]:
    """``subject`` is the customer unless ``data`` says who; the id is unique with its source."""
    given = record.get("data")
    data = _bag(given)
    source, number = record.get("source"), record.get("id")
    event: dict[str, Any] = {"type": _cloudevent_type(record.get("type"))}
    if number not in (None, ""):
        # what is no name stays none
        named = source and not (isinstance(number, float) and isinf(number))
        event["event_id"] = f"{source}#{number}" if named else number
    event |= {"timestamp": record.get("time"), "source": source}
    if "properties" in data:
        own = {name: value for name, value in data.items() if value is not None}
        event = {name: value for name, value in event.items() if value is not None} | own
    else:
        event |= {name: value for name, value in data.items() if name in _WHO}
        rest = {name: value for name, value in data.items() if name not in _WHO}
        event["properties"] = rest if data else given
    identified = COMMON_SPELLINGS["customer_id"] + COMMON_SPELLINGS["anonymous_id"]
    if not any(event.get(name) for name in identified):
        event["customer_id"] = record.get("subject")
    return event


def _cloudevent_type(given: Any) -> Any:
    """The vocabulary's word at the end of a reverse-DNS name: ``com.shop.order.completed.v1``."""
    if not isinstance(given, str):
        return given
    words = _VERSION.sub("", given).split(".")
    for start in range(len(words)):
        if vocabulary().event_type(found := ".".join(words[start:])) is not None:
            return found
    return given


def _from_segment(record: Mapping[str, Any]) -> dict[str, Any]:
    call = record["type"]
    context = _bag(record.get("context"))
    properties: Any = record.get("properties")
    event: dict[str, Any] = {
        "event_id": record.get("messageId"),
        "type": record.get("event") if call == "track" else _SEGMENT_CALLS.get(call, call),
        "customer_id": record.get("userId"),
        "anonymous_id": record.get("anonymousId"),
        "session_id": context.get("sessionId"),
        "timestamp": record.get("timestamp") or record.get("originalTimestamp"),
        "sent_at": record.get("sentAt"),
        "channel": _SEGMENT_CHANNELS.get(str(record.get("channel"))),
        "device": _bag(context.get("device")).get("type"),
        "source": _bag(context.get("library")).get("name"),
    }
    if call == "identify":
        properties = _profile(_bag(record.get("traits")), context)
    elif call == "alias":
        properties = _alias(record)
    elif call in {"page", "screen"}:
        page = _bag(context.get("page"))
        shown = {name: page.get(name) for name in ("url", "title", "referrer")}
        named = {"page": record["name"]} if record.get("name") else {}
        properties = shown | _campaign(context) | dict(_bag(properties)) | named
    elif isinstance(properties, Mapping):
        properties = _revenue(properties)
    event["properties"] = properties
    return {name: value for name, value in event.items() if value is not None}


def _profile(traits: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    address = _bag(traits.get("address"))
    around = {
        "language": context.get("locale"),
        "time_zone": context.get("timezone"),
        "country": address.get("country"),
        "region": address.get("state"),
    }
    return around | {name: value for name, value in traits.items() if name != "address"}


def _alias(record: Mapping[str, Any]) -> dict[str, Any]:
    """Segment does not say whether the previous id was a visitor's or a user's."""
    previous = record.get("previousId")
    visitors = previous == record.get("anonymousId")
    return {"linked_id": previous, "link_type": "anonymous" if visitors else "either"}


def _campaign(context: Mapping[str, Any]) -> dict[str, Any]:
    campaign = _bag(context.get("campaign"))
    names = {"utm_source": "source", "utm_medium": "medium", "utm_campaign": "name"}
    return {ours: campaign.get(theirs) for ours, theirs in names.items()}


def _revenue(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Segment's ``total`` includes shipping and tax; Retain's is what the products brought in."""
    if properties.get("revenue") is not None:
        rest = {name: value for name, value in properties.items() if name != "revenue"}
        return rest | {"total": properties["revenue"]}
    total = properties.get("total")
    costs = [properties.get(name) or 0 for name in ("shipping", "tax")]
    if isinstance(total, int | float) and all(isinstance(cost, int | float) for cost in costs):
        try:
            return {**properties, "total": total - sum(costs)}
        except OverflowError:  # integers too large for any amount: refused as that
            return properties
    return properties


def _bag(given: Any) -> Mapping[str, Any]:
    try:
        return bag_of(given, "data")
    except Refused:
        return {}
