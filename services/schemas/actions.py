"""An action as it is answered: what to do, where, when, and why this one."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.schemas.base import Answer, Probability


class Terms(Answer):
    """What a score is made of, as used: a term that is switched off is neutral.

    `expected_value = (uplift * value * margin - contact_cost - redemption_cost) * context_weight *
    channel_weight * lever`; money is in the customer's currency.
    """

    basis: Literal["model", "response", "prior"] | None = Field(
        default=None,
        description="Where `uplift` is from: `model`: treated less held-out customers; `response`: "
        "treated ones alone, times the share the catalogue believes to be added; `prior`: the "
        "catalogue.",
    )
    conversion: float | None = Field(
        default=None,
        description="Probability that the customer converts with the action; null where unknown.",
    )
    uplift: float | None = Field(
        default=None,
        description="What the action adds to that probability; null where unknown.",
    )
    value: float | None = Field(
        default=None, description="Worth of one conversion before `margin`; null where unknown."
    )
    margin: float | None = Field(
        default=None, description="Share of `value` that is earned, 0 to 1."
    )
    contact_cost: float | None = Field(
        default=None, description="What carrying the action out once costs."
    )
    redemption_cost: float | None = Field(
        default=None,
        description="What the treatment is expected to give away: `conversion` times its "
        "discount and reward; null where unknown.",
    )
    context_weight: float | None = Field(
        default=None,
        description="Product of the action's declared factors whose rules hold at this moment; "
        "1 where none does.",
    )
    channel_weight: float | None = Field(
        default=None,
        description="How the customer responds on this channel, relative to what is expected of "
        "them: 0.5 to 2.",
    )
    lever: float | None = Field(
        default=None, description="The action's priority, as `actions.yaml` declares it."
    )
    expected_value: float | None = Field(
        default=None, description="The score; null where a term is unknown."
    )


class _Action(Answer):
    action_id: str = Field(
        description="The action, as `actions.yaml` names it; `none` is to do nothing."
    )
    channel: str | None = Field(
        description="Where: `email`, `sms`, `push`, `call`, `web`, `in_app`, `ads`; `none` for "
        "doing nothing."
    )
    treatment: str | None = Field(
        description="Which of the action's declared variants, such as a level of discount."
    )
    tone: str | None = Field(description="How to speak, for who writes the message.")
    content_type: str | None = Field(description="What to render: `coupon`, `product_grid` …")
    items: list[str] = Field(
        description="Ids of the products it is about, at most five, the best first; may be empty."
    )
    send_at: datetime | None = Field(
        description="When to carry it out: at once, or at the customer's likeliest hour, as the "
        "action declares; messages wait for the end of quiet hours, unless it declares otherwise."
    )
    expires_at: datetime | None = Field(
        description="When it has lost its point: not to be carried out after that."
    )
    score: float | None = Field(
        description="Expected incremental value in the customer's currency: how much more than by "
        "doing nothing, costs subtracted, times the weights in `terms`. Actions are ranked by it; "
        "doing nothing has 0."
    )
    propensity: Probability | None = Field(
        description="How likely this action was to be the first, under the policy and all limits: "
        "1 or 0 where the policy does not explore. What an evaluation of the log weighs by. No "
        "probability that the customer responds."
    )


class NextBestAction(_Action):
    """A preview of what to do next; nothing is reserved."""

    decision_id: str = Field(
        description="Names the preview in `/decisions/{decision_id}` and in `/feedback`."
    )


class RankedAction(_Action):
    """One action of a decision; `none`, doing nothing, is an action too."""

    terms: Terms = Field(description="What the score is made of.")
