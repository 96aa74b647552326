"""What the gate adds to the description of every operation."""

from typing import Any

PARAMETERS: tuple[dict[str, Any], ...] = (
    {
        "name": "X-Request-ID",
        "in": "header",
        "required": False,
        "description": "A name for the request, 1 to 128 letters, digits and `-_.:/+=@`. The "
        "answer and the log carry it; any other text is replaced by a name of the service's own.",
        "schema": {"type": "string"},
        "example": "crm-77-page-2",
    },
    {
        "name": "X-Request-Timeout-Ms",
        "in": "header",
        "required": False,
        "description": "Milliseconds the caller waits; then a 504 is answered. More than 30,000 "
        "are 30,000. Without it, the service's own limit holds.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
        "example": 250,
    },
)
EVERY = (422, 431, 500, 504)
"""What any operation can answer."""
WITH_ROOM = (503,)
"""What operations can answer, beside it, that are refused where there is too much to do."""
_REQUEST_ID: dict[str, Any] = {
    "X-Request-ID": {
        "description": "The name of the request.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    }
}
_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {
        "description": "Seconds to wait before trying again; `retry_after_ms` says it to the "
        "millisecond.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
_AUTHENTICATE: dict[str, Any] = {
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}
}
_ACCEPT_ENCODING: dict[str, Any] = {
    "Accept-Encoding": {"description": "`identity`.", "schema": {"type": "string"}}
}


def headers(problem: int | None = None) -> dict[str, Any]:
    """The headers of an answer, or of a problem of this status."""
    if problem == 401:
        return _REQUEST_ID | _AUTHENTICATE
    if problem == 415:
        return _REQUEST_ID | _ACCEPT_ENCODING
    return _REQUEST_ID | _RETRY_AFTER if problem in (429, 503) else _REQUEST_ID
