"""``POST /feedback``: what became of a decision."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel, TypeAdapter, ValidationError

from retain.decisions.feedback import Outcome as OutcomeName
from retain.order import MAX_NUMBER
from services.schemas.base import MAX_OUTCOMES, Answer, Identifier, Request, UtcTime

_EXAMPLE: dict[str, Any] = {
    "feedback_id": "f-1",
    "decision_id": "01JD0Z6Y8Q4X1V9T3R5P7N2M6K",
    "action_id": "replenishment_email",
    "outcome": "converted",
    "value": 12.0,
    "currency": "GBP",
    "occurred_at": "2026-11-22T10:12:00Z",
}


class Outcome(Request):
    """One thing that happened to one decided action; idempotent by `feedback_id`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    feedback_id: Identifier = Field(
        description="A name of yours: sent again with the same content it counts once; with "
        "another it is rejected."
    )
    decision_id: Identifier = Field(description="From the answer of `/predict` or `/rank`.")
    action_id: Identifier = Field(
        description="The action it happened to: one of those the decision answered."
    )
    outcome: OutcomeName = Field(
        description="What happened. `not_sent` gives limits and budgets back; `complained` and "
        "`unsubscribed` close the channel until consent is given again."
    )
    value: float | None = Field(
        default=None,
        ge=-MAX_NUMBER,
        le=MAX_NUMBER,
        description="What a `converted` brought in, in `currency`.",
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        default=None, description="ISO 4217, of `value`."
    )
    occurred_at: UtcTime | None = Field(
        default=None,
        description="When it happened, ISO 8601, without an offset in UTC; from 1990 on, at most "
        "24 hours ahead of the service's clock, which is the default.",
    )


Outcomes = Annotated[list[Outcome], Field(min_length=1, max_length=MAX_OUTCOMES)]
_ANYTHING: TypeAdapter[list[Any]] = TypeAdapter(
    Annotated[list[Any], Field(min_length=1, max_length=MAX_OUTCOMES)]
)
_NAMED: TypeAdapter[str] = TypeAdapter(Identifier)


@dataclass(frozen=True, slots=True)
class Malformed:
    """What stood in a list and is no outcome; its id, where it has one."""

    feedback_id: str | None
    error: ValidationError


class FeedbackRequest(RootModel[Outcome | Outcomes]):
    """One outcome, or a list of up to 1,000."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_EXAMPLE, [_EXAMPLE]]})

    root: Outcome | Outcomes


def outcomes_in(body: Any) -> list[Outcome | Malformed]:
    """The outcomes in a body, in the order sent; of a list, each is read by itself.

    Raises:
        pydantic.ValidationError: a single outcome is malformed, or a list is empty or too long;
            a union would name its branches instead of the field.
    """
    if isinstance(body, list):
        return [_read(given) for given in _ANYTHING.validate_python(body)]
    return [Outcome.model_validate(body)]


def _read(given: Any) -> Outcome | Malformed:
    try:
        return Outcome.model_validate(given)
    except ValidationError as error:
        return Malformed(_name(given), error)


def _name(given: Any) -> str | None:
    try:
        return _NAMED.validate_python(given.get("feedback_id") if isinstance(given, dict) else None)
    except ValidationError:
        return None


class FeedbackResult(Answer):
    """What became of one outcome, in the order sent."""

    feedback_id: str | None = Field(
        description="As it was sent; null where a malformed outcome has none."
    )
    status: Literal["accepted", "duplicate", "rejected"] = Field(
        description="`accepted` is durable and counts; `duplicate`: taken before, with the same "
        "content; `rejected` is not stored."
    )
    reason: str | None = Field(description="Why it was rejected, in words; else null.")
    field: str | None = Field(
        default=None, description="The field at fault; absent where there is none."
    )


class FeedbackResults(Answer):
    """One result per outcome; the HTTP status is 207 when some were rejected."""

    results: list[FeedbackResult] = Field(description="In the order sent.")


EXAMPLE: dict[str, Any] = {
    "results": [{"feedback_id": "f-1", "status": "accepted", "reason": None}]
}
MIXED_EXAMPLE: dict[str, Any] = {
    "results": [
        *EXAMPLE["results"],
        {
            "feedback_id": "f-2",
            "status": "rejected",
            "reason": "there is no decision d-9",
            "field": "decision_id",
        },
        {
            "feedback_id": "f-3",
            "status": "rejected",
            "reason": "action_id: Field required",
            "field": "action_id",
        },
    ]
}
