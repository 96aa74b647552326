"""``GET /deliveries`` and its acknowledgement: decisions held for a CRM that pulls."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from services.schemas import ranking
from services.schemas.base import Answer, Identifier, Request

MAX_DELIVERIES = 100
LONGEST_LEASE_SECONDS = 3_600

_ID = "01JD0Z6ZC4M1W9T3R5P7N2M6K8"


class Delivery(Answer):
    """A decision that a trigger had made, in the hands of who asked until `leased_until`."""

    delivery_id: str = Field(
        description="Names the delivery, the same at every attempt: do each only once."
    )
    trigger: str = Field(description="What fired, as in `triggers.yaml`.")
    customer_id: str = Field(
        description="Whom the decision is for: of a merged customer the surviving id."
    )
    fired_at: datetime = Field(description="When the trigger fired.")
    expires_at: datetime = Field(
        description="After that the action has lost its point, and it is not given out any more."
    )
    attempt: int = Field(description="How often it was given out, this time included: 1 or more.")
    leased_until: datetime = Field(
        description="Until then nobody else is given it; unless acknowledged, it is given out "
        "again after that."
    )
    decision: ranking.Decision = Field(
        description="The decision, of one action, as `POST /rank` answers it."
    )


class DeliveriesAnswer(Answer):
    """Decisions that are due, those that waited longest first; none where nothing is."""

    deliveries: list[Delivery] = Field(
        description="At most as many as `limit` asks for; empty where none is due."
    )


class AckRequest(Request):
    """The deliveries that have arrived."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"delivery_ids": [_ID]}]})

    delivery_ids: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)] = Field(
        description="Up to 1,000 ids, from `GET /deliveries`."
    )


class AckResult(Answer):
    """What became of one acknowledgement.

    `withdrawn`, `expired` and `dead` were over before it came: do not act on them.
    """

    delivery_id: str = Field(description="The id as it was sent.")
    status: Literal["acknowledged", "duplicate", "unknown", "withdrawn", "expired", "dead"] = Field(
        description="`acknowledged`: now; `duplicate`: before; `unknown`: there is none; the "
        "others were over before: `withdrawn` (its goal was reached), `expired`, `dead` (given out "
        "too often, or its endpoint is gone)."
    )


class AckResults(Answer):
    """One result for each, in the order sent."""

    results: list[AckResult] = Field(description="In the order sent.")


EXAMPLE: dict[str, Any] = {
    "deliveries": [
        {
            "delivery_id": _ID,
            "trigger": "cart_abandoned",
            "customer_id": "17850",
            "fired_at": "2026-11-21T20:00:00Z",
            "expires_at": "2026-11-25T09:00:00Z",
            "attempt": 1,
            "leased_until": "2026-11-21T20:02:01Z",
            "decision": ranking.EXAMPLE,
        }
    ]
}
EMPTY_EXAMPLE: dict[str, Any] = {"deliveries": []}
ACK_EXAMPLE: dict[str, Any] = {"results": [{"delivery_id": _ID, "status": "acknowledged"}]}
MIXED_ACK_EXAMPLE: dict[str, Any] = {
    "results": [
        *ACK_EXAMPLE["results"],
        {"delivery_id": "01JD0Z6ZC4M1W9T3R5P7N2M6K9", "status": "withdrawn"},
    ]
}
