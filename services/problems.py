"""Errors as RFC 9457 problem details: the one place that turns one into the other."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from retain import errors
from services import journal, refusals
from services.gate.visit import Visit
from services.schemas.base import UNKNOWN_FIELD

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_MS = 2_000
log = logging.getLogger("retain.service")


class MalformedBody(errors.RetainError):
    """The body is not JSON at all."""


class NotReflected(errors.RetainError):
    """Events are stored; their features were not written in the time a request waits."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: ``detail`` replaces the error's own words where they are internal.

    ``quiet`` ones are the caller's or many at once: they are counted, and not logged.
    """

    status: int
    slug: str
    title: str
    detail: str | None = None
    remedy: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False

    @property
    def type(self) -> str:
        """The URN callers may match on."""
        return f"urn:retain:problem:{self.slug}"


KINDS: dict[type[Exception], Kind] = {
    MalformedBody: Kind(400, "malformed-body", "The body is not JSON"),
    refusals.MalformedRequest: Kind(400, "malformed-request", "The request is not HTTP"),
    refusals.RequestTooSlow: Kind(408, "request-too-slow", "The request did not come in time"),
    refusals.BodyTooLarge: Kind(413, "body-too-large", "The body is too large"),
    # RFC 7694: says by this header what is taken
    refusals.EncodedBody: Kind(
        415, "encoded-body", "The body is compressed", headers={"Accept-Encoding": "identity"}
    ),
    refusals.HeadersTooLarge: Kind(431, "headers-too-large", "The path or headers are too long"),
    refusals.Unauthorized: Kind(
        401, "unauthorized", "No valid API key", headers={"WWW-Authenticate": "Bearer"}
    ),
    refusals.Forbidden: Kind(403, "forbidden", "The caller may not do this"),
    refusals.RateLimited: Kind(429, "rate-limited", "Too many requests with this API key"),
    refusals.Overloaded: Kind(
        503, "overloaded", "More at once than is answered in time", quiet=True
    ),
    refusals.DeadlineExceeded: Kind(
        504, "deadline-exceeded", "Not answered in the request's time", quiet=True
    ),
    errors.UnknownCustomer: Kind(404, "unknown-customer", "Unknown customer"),
    errors.NotFound: Kind(404, "not-found", "Not found"),
    errors.Conflict: Kind(409, "conflict", "The same key was used for something else"),
    errors.InvalidInput: Kind(422, "invalid-input", "The input cannot be used as it is"),
    errors.NotEnoughData: Kind(422, "not-enough-data", "Too little history"),
    errors.Leakage: Kind(422, "leakage", "A feature that knows the future"),
    NotReflected: Kind(503, "not-reflected", "Stored, but not reflected yet"),
    errors.StoreUnavailable: Kind(
        503,
        "store-unavailable",
        "A store did not answer",
        detail="a store the service depends on did not answer in time",
        remedy="send the same request again after the seconds in Retry-After",
    ),
    errors.NoModel: Kind(
        503,
        "no-model",
        "No model to answer with",
        detail="a head has no champion model",
        remedy="train and promote a model, then restart the service",
    ),
    errors.CorruptModel: Kind(
        503,
        "model-unusable",
        "A model cannot be used",
        detail="a model's files are not what its manifest says",
        remedy="roll back to another version, then restart the service",
    ),
    errors.FingerprintMismatch: Kind(
        503,
        "features-do-not-match",
        "Stored features and models do not match",
        detail="the stored features were computed by another definition, or are damaged",
        remedy="materialise the features again, or promote a model trained on them",
    ),
}
INTERNAL = Kind(
    500,
    "internal",
    "Something unexpected went wrong",
    detail="the service met a case it does not handle; it was logged",
    remedy="send the same request again; report it if it persists",
)
REMEDY = "see the request's schema at /docs"
REMEDIES = {
    UNKNOWN_FIELD: "correct the name or leave the field out; the request's schema is at /docs",
    "literal_error": "write one of these words, or leave the field out where it is optional; the "
    "request's schema is at /docs",
}
"""By the kind of fault in a body."""
_WORDS = {
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
}
"""In place of words that name classes."""
NO_SUCH_PATH = Kind(404, "no-such-path", "No such path", remedy="GET /docs lists the paths")
METHOD_NOT_ALLOWED = Kind(
    405, "method-not-allowed", "This path does not have this method", remedy="see the Allow header"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one error says about itself."""

    detail: str
    field: str | None = None
    remedy: str | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A problem as it is sent; ``headers`` are those beside its media type and length."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def response(error: Exception, instance: str, visit: Visit | None = None) -> Response:
    """The problem-details answer for ``error``; what is internal is logged, not sent."""
    one = rendered(error, instance, visit)
    return Response(one.body, one.status, one.headers, MEDIA_TYPE)


def rendered(error: Exception, instance: str | None, visit: Visit | None = None) -> Rendered:
    """``error`` as problem details of the path ``instance``, for who answers without a framework.

    There is no path where no request was understood. A 429 and a 503 say in whole seconds when to
    come back (``Retry-After``), and in the body to the millisecond.
    """
    kind = None if isinstance(error, HTTPException) else _kind(error)
    if kind is not None and kind.status >= 500 and not kind.quiet:
        trace = error if kind is INTERNAL else None
        log.error("%s", journal.described(error), exc_info=trace, extra=journal.about(visit))
    return described(error, instance)


def described(error: Exception, instance: str | None) -> Rendered:
    """As :func:`rendered`, and nothing is logged."""
    if isinstance(error, HTTPException):
        return _of_http(error, instance)
    kind = _kind(error)
    return _render(kind, _said(error), instance, kind.headers)


def _kind(error: Exception) -> Kind:
    if isinstance(error, ValidationError):
        return KINDS[errors.InvalidInput]
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


def _said(error: Exception) -> Said:
    if isinstance(error, ValidationError):
        return of_validation(error)
    if isinstance(error, errors.RetainError):
        wait = error.retry_after_ms if isinstance(error, refusals.Refused) else None
        return Said(error.message, error.field, error.remedy or None, wait)
    return Said("")


def of_validation(error: ValidationError) -> Said:
    """What was wrong with a body: the first fault, by its field, and how many more there are."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    first = found[0]
    field = ".".join(str(part) for part in first["loc"] if _is_public(part))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    message = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    detail = f"{field}: {message}{more}" if field else f"{message}{more}"
    return Said(detail, field or None, REMEDIES.get(first["type"], REMEDY))


def _is_public(part: object) -> bool:
    # pydantic names the branch of a union it tried: list[...] or a model's class
    text = str(part)
    return isinstance(part, int) or (text[:1].islower() and not text.endswith("]"))


def _of_http(error: HTTPException, instance: str | None) -> Rendered:
    kind = METHOD_NOT_ALLOWED if error.status_code == 405 else NO_SUCH_PATH
    detail = f"{instance} does not exist" if kind is NO_SUCH_PATH else f"see Allow for {instance}"
    return _render(kind, Said(detail), instance, error.headers or {})


def _render(kind: Kind, said: Said, instance: str | None, headers: Mapping[str, str]) -> Rendered:
    wait = said.retry_after_ms
    if wait is None and kind.status == 503:
        wait = RETRY_AFTER_MS
    body: dict[str, Any] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail or said.detail,
        "instance": instance,
        "field": said.field,
        "remedy": kind.remedy or said.remedy,
        "retry_after_ms": wait,
    }
    given = {name: value for name, value in body.items() if value is not None}
    told = dict(headers)
    if wait is not None:
        told["Retry-After"] = str(-(-wait // 1_000))
    return Rendered(
        kind.status, told, json.dumps(given, ensure_ascii=False).encode(errors="backslashreplace")
    )
