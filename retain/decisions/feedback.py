"""Feedback: what became of a decision, taken once however often it is told."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    String,
    Table,
    insert,
    select,
)

from retain.clock import Clock, from_micros, iso, now, to_micros
from retain.database import metadata, writing
from retain.decisions import contacts, spending, suppressions
from retain.decisions.spending import Facts
from retain.decisions.state import is_released, is_reported, sent_at
from retain.decisions.store import Decisions, find
from retain.errors import InvalidInput
from retain.event import EARLIEST
from retain.fields import storable
from retain.order import MAX_NUMBER

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("decision_id", String, nullable=False),
    Column("action_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("value", Float),
    Column("currency", String),
    Column("occurred_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("feedback_by_decision", "decision_id", "action_id"),
)

Outcome = Literal[
    "sent",
    "not_sent",
    "delivered",
    "bounced",
    "shown",
    "opened",
    "clicked",
    "converted",
    "dismissed",
    "complained",
    "unsubscribed",
]
Status = Literal["accepted", "duplicate", "rejected"]

_CLOSING = {"complained", "unsubscribed"}
FUTURE_TOLERANCE = timedelta(hours=24)
"""Clocks of senders drift; what lies further ahead is a mistake."""


def _storable(name: str) -> str:
    if not storable(name):
        raise ValueError("it holds a NUL or half a surrogate pair")
    return name


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]


class FeedbackItem(BaseModel):
    """One outcome of one action of one decision."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    feedback_id: Id
    decision_id: Id
    action_id: Id
    outcome: Outcome
    value: Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """What became of one item; ``reason`` and ``field`` say why it was rejected.

    ``missing`` is the decision it names, where that is why: another process may be about to
    write it.
    """

    feedback_id: str | None
    status: Status
    reason: str | None = None
    field: str | None = None
    missing: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """As ``/feedback`` answers; ``field`` only where there is one."""
        answer = {"feedback_id": self.feedback_id, "status": self.status, "reason": self.reason}
        return answer if self.field is None else {**answer, "field": self.field}


class Feedback:
    """Records outcomes and lets them act: on caps, and on channels that were closed.

    ``decisions`` is that of this process, so that feedback on a preview finds the receipt
    although it waits to be written.
    """

    def __init__(
        self, engine: Engine, decisions: Decisions | None = None, clock: Clock = now
    ) -> None:
        self._engine = engine
        self._decisions = decisions
        self._clock = clock

    def record(self, items: Sequence[Mapping[str, Any]]) -> list[FeedbackResult]:
        """Record each item that is new; one result per item, in order.

        An item is rejected that is malformed, names a decision or an action of it that
        does not exist, or reuses a feedback id for something else. The others are
        durable, and count, when this returns.

        Raises:
            StoreUnavailable: nothing was recorded; send all of it again.
        """
        if self._decisions is not None:
            self._decisions.flush()
        with writing(self._engine, alone="feedback") as connection:
            known: dict[tuple[str, str], Facts] = {}
            results = [self._record(connection, item, known) for item in items]
            spending.correct(connection, known)
        return results

    def _record(
        self,
        connection: Connection,
        given: Mapping[str, Any],
        known: dict[tuple[str, str], Facts],
    ) -> FeedbackResult:
        try:
            item, occurred_at = self._read(given)
        except InvalidInput as error:
            named = given.get("feedback_id")
            return _rejected(named if isinstance(named, str) else None, error.message, error.field)
        digest = hashlib.blake2b(item.model_dump_json().encode(), digest_size=16).hexdigest()
        query = select(feedback.c.digest).where(feedback.c.feedback_id == item.feedback_id)
        seen = connection.scalar(query)
        if seen is not None:
            if seen == digest:
                return FeedbackResult(item.feedback_id, "duplicate")
            reason = "this feedback_id was used for something else"
            return _rejected(item.feedback_id, reason, "feedback_id")
        receipt = find(connection, item.decision_id)
        if receipt is None:
            reason = f"there is no decision {item.decision_id}"
            rejected = _rejected(item.feedback_id, reason, "decision_id")
            return replace(rejected, missing=item.decision_id)
        channels = {action["action_id"]: action["channel"] for action in receipt["actions"]}
        if item.action_id not in channels:
            reason = f"decision {item.decision_id} did not return {item.action_id}"
            return _rejected(item.feedback_id, reason, "action_id")
        received_at = self._clock()
        row = {
            **item.model_dump(),
            "digest": digest,
            "customer_id": receipt["customer_id"],
            "occurred_at": to_micros(occurred_at),
            "received_at": to_micros(received_at),
        }
        connection.execute(insert(feedback).values(row))
        acted = _act(
            connection,
            item,
            receipt["customer_id"],
            channels[item.action_id],
            at=occurred_at,
            told_at=received_at,
        )
        if acted is not None:
            known[item.decision_id, item.action_id] = acted
        return FeedbackResult(item.feedback_id, "accepted")

    def _read(self, given: Mapping[str, Any]) -> tuple[FeedbackItem, datetime]:
        try:
            item = FeedbackItem.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise InvalidInput(f"{field}: {first['msg']}", field=field) from None
        received_at = self._clock()
        at = item.occurred_at or received_at
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if at > received_at + FUTURE_TOLERANCE:
            raise InvalidInput("occurred_at lies in the future", field="occurred_at")
        if at < EARLIEST:
            raise InvalidInput(f"occurred_at is before {iso(EARLIEST)}", field="occurred_at")
        return item, at


def _act(
    connection: Connection,
    item: FeedbackItem,
    customer_id: str,
    channel: str,
    *,
    at: datetime,
    told_at: datetime,
) -> Facts | None:
    if channel == "none":
        return None
    query = select(feedback.c.outcome, feedback.c.occurred_at, feedback.c.value).where(
        feedback.c.decision_id == item.decision_id, feedback.c.action_id == item.action_id
    )
    rows = connection.execute(query.order_by(feedback.c.occurred_at.desc())).all()
    # the latest come first: what is kept of each outcome is when it was told to happen first
    told = {row.outcome: from_micros(row.occurred_at) for row in rows}
    of_action = (connection, item.decision_id, item.action_id)
    known = contacts.settle(*of_action, told)
    if known is None and told.keys() != {"converted"} and not is_released(told):
        contacts.plan(
            *of_action,
            channel=channel,
            customer_id=customer_id,
            at=sent_at(told) or at,
            made_at=at,
            outcomes=told,
        )
    if item.outcome in _CLOSING:
        closing = (customer_id, channel, at, item.outcome)
        suppressions.suppress(connection, *closing, told_at=told_at)
    outcomes = told if known is None else known
    return Facts(
        reported=is_reported(outcomes),
        released=is_released(outcomes),
        bounced="bounced" in outcomes,
        conversions=[row.value for row in rows if row.outcome == "converted"],
    )


def _rejected(feedback_id: str | None, reason: str, field: str | None) -> FeedbackResult:
    return FeedbackResult(feedback_id, "rejected", reason, field)
