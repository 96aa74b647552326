"""RFC 9457 problem details, the one shape of every error."""

from pydantic import Field

from services.schemas.base import Answer


class Problem(Answer):
    """What went wrong, where, and what to do about it (RFC 9457)."""

    type: str = Field(description="A stable URN that names the kind of problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(ge=400, le=599, description="The HTTP status, as on the wire.")
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked for.")
    field: str | None = Field(default=None, description="The part of the input at fault.")
    remedy: str | None = Field(default=None, description="What the caller can do.")
    retry_after_ms: int | None = Field(
        default=None, ge=0, description="Milliseconds to wait before trying again."
    )
