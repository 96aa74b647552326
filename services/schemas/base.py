"""What every request and answer has in common."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from retain.clock import parse_utc
from retain.errors import InvalidInput
from retain.fields import storable

MAX_CUSTOMERS = 1_000
MAX_EXPLAINED = 50
MAX_EVENTS = 1_000
MAX_OUTCOMES = 1_000
MAX_ACTIONS = 20
MAX_ID_LENGTH = 200


class Request(BaseModel):
    """A body a caller sends; an unknown field is an error, not a silent typo."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """A body the service sends; fields may be added, none is renamed or dropped."""

    model_config = ConfigDict(frozen=True)


def _utc(value: Any) -> datetime:
    try:
        return parse_utc(value if isinstance(value, str) else "", field="")
    except InvalidInput as error:
        raise ValueError(f"{value!r:.60} is not an ISO 8601 time; {error.remedy}") from None


def _storable(name: str) -> str:
    if not storable(name):
        raise ValueError("it holds a NUL or half a surrogate pair")
    return name


UtcTime = Annotated[datetime, BeforeValidator(_utc)]
Identifier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID_LENGTH),
    AfterValidator(_storable),
]
Probability = Annotated[float, Field(ge=0, le=1)]
