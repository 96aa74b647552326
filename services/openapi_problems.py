"""An example of every error, rendered by what renders the real ones."""

import json
from dataclasses import dataclass
from typing import Any

from retain import errors
from services import problems, refusals

_WITH_A_KEY = "send a key in `Authorization: Bearer KEY` or `X-API-Key: KEY`"


@dataclass(frozen=True, slots=True)
class _Shown:
    """An error, and the operations that alone can answer it; none are all of them."""

    error: Exception
    paths: tuple[str, ...] = ()
    instance: str = "/predict"


_SHOWN = (
    _Shown(
        problems.MalformedBody(
            "the body is not JSON at character 14",
            remedy="send a JSON body; the schema is at /docs",
        )
    ),
    _Shown(refusals.Unauthorized("no API key came with the request", remedy=_WITH_A_KEY)),
    _Shown(
        refusals.Forbidden(
            "this needs a key with the scope score; crm-events has ingest",
            remedy="ask for a key made with: retain keys add --scope score --name NAME",
        )
    ),
    _Shown(
        errors.UnknownCustomer(
            "no event of customer '99999' is known",
            remedy="check the id, or send the customer's events to /events first",
            field="customer_id",
        ),
        ("/predict", "/customers/{customer_id}"),
    ),
    _Shown(
        errors.NotFound(
            "there is no decision 01JD0Z6Y",
            remedy="take decision_id from the answer of /predict or /rank",
            field="decision_id",
        ),
        ("/decisions/{decision_id}",),
        "/decisions/01JD0Z6Y",
    ),
    _Shown(
        errors.Conflict(
            "the idempotency key 'order-77-page-2' was used for another request",
            remedy="use a new key for a new request",
            field="Idempotency-Key",
        ),
        instance="/rank",
    ),
    _Shown(
        refusals.BodyTooLarge(
            "the body is longer than 5,000,000 bytes", remedy="send it in smaller parts"
        ),
        instance="/events",
    ),
    _Shown(
        refusals.EncodedBody("the body is compressed", remedy="send it as it is: plain JSON"),
        instance="/events",
    ),
    _Shown(
        errors.InvalidInput(
            "the X-Request-Timeout-Ms is '2s'",
            remedy="send a whole number of milliseconds, 1 or more, or leave it out",
            field="X-Request-Timeout-Ms",
        )
    ),
    _Shown(
        refusals.RateLimited(
            "the key crm-events asks more often than its rate allows",
            remedy="wait for the seconds in Retry-After, or ask for a key with a higher rate",
            retry_after_ms=400,
        ),
    ),
    _Shown(
        refusals.HeadersTooLarge(
            "path, query and headers are longer than 32,768 bytes",
            remedy="send what is long in the body",
        )
    ),
    _Shown(RuntimeError()),
    _Shown(
        refusals.Overloaded(
            "more requests came at once than are answered in time",
            remedy="send the same request again after the seconds in Retry-After",
            retry_after_ms=700,
        )
    ),
    _Shown(errors.StoreUnavailable("")),
    _Shown(errors.FingerprintMismatch(""), ("/predict", "/rank", "/customers/{customer_id}")),
    _Shown(
        problems.NotReflected(
            "the events are stored, but not reflected in the time there was to wait",
            remedy="do not send them again for that: they will be reflected",
        ),
        ("/events",),
        "/events",
    ),
    _Shown(
        refusals.DeadlineExceeded(
            "the answer was not there by the request's deadline",
            remedy="send the same request again, with more time in X-Request-Timeout-Ms",
        )
    ),
)


def _rendered(shown: _Shown) -> tuple[str, Any]:
    body = json.loads(problems.described(shown.error, shown.instance).body)
    return body["type"].rpartition(":")[2], body


_BODIES = [(*_rendered(shown), shown.paths) for shown in _SHOWN]
EXAMPLES = {name: {"value": body} for name, body, _ in _BODIES}
"""By the last part of their type: what ``components.examples`` holds."""


def examples(status: int, path: str) -> dict[str, Any]:
    """References to the examples of a status that an operation's path can answer."""
    return {
        name: {"$ref": f"#/components/examples/{name}"}
        for name, body, paths in _BODIES
        if body["status"] == status and (not paths or path in paths)
    }
