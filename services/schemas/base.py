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
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from retain.clock import parse_utc
from retain.errors import InvalidInput
from retain.fields import storable

MAX_CUSTOMERS = 1_000
MAX_EXPLAINED = 50
MAX_EVENTS = 1_000
MAX_OUTCOMES = 1_000
MAX_ACTIONS = 20
MAX_ID_LENGTH = 200
MAX_COUNT = 1_000_000


UNKNOWN_FIELD = "unknown_field"


class Request(BaseModel):
    """A body a caller sends; an unknown field is an error, not a silent typo."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        """Refuse the first unknown field by its name, and say which ones there are."""
        names = given if isinstance(given, dict) else {}
        for name in names:
            if name not in cls.model_fields:
                told = {"name": f"{name!r:.60}", "known": ", ".join(cls.model_fields)}
                fault = PydanticCustomError(UNKNOWN_FIELD, "{name} is none of {known}", told)
                line = InitErrorDetails(type=fault, loc=(name,), input=names[name])
                raise ValidationError.from_exception_data(cls.__name__, [line])
        return given


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


def or_null(model: type[BaseModel]) -> BeforeValidator:
    """Null for ``model``, all of whose fields are optional: it says as much as ``{}``."""
    return BeforeValidator(
        lambda given: {} if given is None else given, json_schema_input_type=model | None
    )


def _whole(given: Any) -> Any:
    """JSON has one kind of number: 2.0 is 2."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Whole = BeforeValidator(_whole)
Count = Annotated[int, Field(ge=0, le=MAX_COUNT, strict=True), Whole]
UtcTime = Annotated[datetime, BeforeValidator(_utc)]
Identifier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID_LENGTH),
    AfterValidator(_storable),
    Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}),
]
Probability = Annotated[float, Field(ge=0, le=1)]
