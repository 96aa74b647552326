"""An action as it is answered: what to do, where, when, and why this one."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.schemas.base import Answer, Probability


class _Action(Answer):
    action_id: str = Field(
        description="The action, as `actions.yaml` names it; `none` is to do nothing."
    )
    channel: str | None = Field(
        description="Where: `email`, `sms`, `push`, `call`, `web`, `in_app`, `ads`; `none` for "
        "doing nothing."
    )
    treatment: str | None = Field(description="Which variant of it, such as a level of discount.")
    tone: str | None = Field(description="How to speak, for who writes the message.")
    content_type: str | None = Field(description="What to render: `coupon`, `product_grid` …")
    items: list[str] = Field(
        description="Ids of the products it is about, at most five, the best first; may be empty."
    )
    send_at: datetime | None = Field(description="When to carry it out.")
    expires_at: datetime | None = Field(
        description="When it has lost its point: not to be carried out after that."
    )
    score: float | None = Field(
        description="Expected incremental value in the customer's currency: how much more than by "
        "doing nothing, costs subtracted."
    )
    propensity: Probability | None = Field(
        description="How likely this action was to be the first, under the policy and all limits; "
        "what an evaluation of the log weighs by. No probability that the customer responds."
    )


class NextBestAction(_Action):
    """A preview of what to do next; nothing is reserved."""

    decision_id: str = Field(
        description="Names the preview in `/decisions/{decision_id}` and in `/feedback`."
    )


class RankedAction(_Action):
    """One action, best first; `none`, doing nothing, is an action too."""

    terms: dict[str, Any] = Field(description="What the score is made of.")
