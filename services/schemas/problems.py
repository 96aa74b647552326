"""RFC 9457 problem details, the one shape of every error."""

from pydantic import Field

from services.schemas.base import Answer


class Problem(Answer):
    """What went wrong, where, and what to do about it (RFC 9457)."""

    type: str = Field(description="A stable URN that names the kind of problem: what to match on.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(ge=400, le=599, description="The HTTP status, as on the wire.")
    detail: str = Field(description="What happened this time, in words.")
    instance: str | None = Field(
        default=None,
        description="The path that was asked for; absent where the request was refused before its "
        "path was read.",
    )
    field: str | None = Field(
        default=None,
        description="The part of the input at fault, such as `context.page` or a header's name; "
        "absent where there is none.",
    )
    remedy: str | None = Field(
        default=None, description="What the caller can do; absent where nothing is known to help."
    )
    retry_after_ms: int | None = Field(
        default=None,
        ge=0,
        description="Milliseconds to wait before trying again: of a 429 and a 503, else absent.",
    )
