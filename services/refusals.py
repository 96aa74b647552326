"""What the service refuses on its own account, before or instead of answering."""

from retain.errors import RetainError


class Refused(RetainError):
    """A request that was not taken on.

    ``retry_after_ms`` is how many milliseconds the caller should wait before it tries again, or
    None where that is for :mod:`services.problems` to say.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        field: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, field=field)
        self.retry_after_ms = retry_after_ms


class Overloaded(Refused):
    """The service has as much to do as it takes on; nothing of the request was done."""


class RateLimited(Refused):
    """The caller asks more often than its key allows."""


class Unauthorized(Refused):
    """No API key came with the request, or one that is not known."""


class Forbidden(Refused):
    """The API key is known, and not for this; or none is asked for, and this is another site."""


class DeadlineExceeded(Refused):
    """The request's time was over before its answer was there."""


class BodyTooLarge(Refused):
    """The body is longer than the service reads."""


class EncodedBody(Refused):
    """The body is compressed, or coded in another way."""


class HeadersTooLarge(Refused):
    """The path or the headers are longer than the service reads."""


class MalformedRequest(Refused):
    """What came is no HTTP."""


class RequestTooSlow(Refused):
    """The head of a request takes too long to come."""
