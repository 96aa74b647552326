"""The parts of a receipt: what a decision was made from, as it was written then.

A receipt is replayed as it is stored, so what an earlier version did not write is absent.
"""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.schemas.actions import Terms
from services.schemas.base import Answer, Probability


class Candidate(Answer):
    """An action that was looked at, and the rule that removed it, if any did."""

    action_id: str = Field(description="The action, as `actions.yaml` names it.")
    treatment: str | None = Field(default=None, description="Which variant of it was weighed.")
    terms: Terms = Field(description="What its score is made of.")
    removed_by: str | None = Field(
        description="The rule or limit that removed it (`not_worth_it`, `cap_contacts`, a rule of "
        "`actions.yaml` …); null where none did."
    )
    propensity: Probability | None = Field(
        default=None,
        description="How likely the policy was to choose it; 0 where a rule removed it.",
    )
    rank: int | None = Field(
        default=None,
        description="Its place among those the policy chose from, 0 the best; only where the "
        "policy explores, and of those no rule removed, as the next three.",
    )
    spread: float | None = Field(
        default=None, description="Standard deviation of what is believed of its score."
    )
    shared: float | None = Field(
        default=None,
        description="The part of `spread`, also a standard deviation, that all actions share: of "
        "the outcome without any.",
    )
    new: bool | None = Field(default=None, description="Whether it has too few outcomes yet.")


class Arm(Answer):
    """An experiment's arm that a customer is in."""

    experiment: str = Field(description="The experiment, as `experiments.yaml` names it.")
    arm: str = Field(description="The arm of it.")
    layer: str = Field(
        description="The experiment's layer: a customer is in at most one experiment of each."
    )


class AssignedArm(Arm):
    """An arm with the probability it was assigned with."""

    share: Probability = Field(description="The probability the arm was assigned with.")
    since: datetime | None = Field(
        default=None,
        description="Of a bandit whose shares have shifted: since when these hold; else absent.",
    )


class Policy(Answer):
    """How was chosen, and what it takes to choose again; most of it only where it explores."""

    name: str = Field(
        description="`greedy`: always the best; `epsilon_greedy`: in a share of decisions any "
        "action; `thompson`: each as often as it may be the best."
    )
    deterministic: bool | None = Field(
        default=None, description="Whether nothing is explored: true of `greedy` alone."
    )
    basis: str | None = Field(
        default=None,
        description="The strongest basis among the candidates' terms: `model`, `response`, "
        "`prior`.",
    )
    seed: str | None = Field(
        default=None, description="What decided what was explored: the decision's id."
    )
    epsilon: float | None = Field(
        default=None, description="The share of decisions in which any action may be chosen."
    )
    new_share: float | None = Field(
        default=None,
        description="How much of that share goes to actions with too few outcomes.",
    )
    epsilon_new: float | None = Field(
        default=None, description="What that share is while every action is new, if declared."
    )
    fewest_outcomes: int | None = Field(
        default=None, description="After how many outcomes an action is no longer new."
    )
    prior_outcomes: float | None = Field(
        default=None, description="As many outcomes as an uplift counts before any was measured."
    )
    draws: int | None = Field(
        default=None, description="How many times `thompson` draws from what is believed."
    )
    terms_off: list[str] | None = Field(
        default=None, description="Terms that are switched off; absent where none is."
    )


class Moment(Answer):
    """What the request said of the moment; what it did not say is absent."""

    channel: str | None = Field(default=None, description="Where the customer was.")
    device: str | None = Field(default=None, description="What they held in their hand.")
    page: str | None = Field(default=None, description="The kind of page they looked at.")
    place: dict[str, Any] | None = Field(
        default=None, description="`country`, `region` and `store`, as far as they were given."
    )
    session: dict[str, Any] | None = Field(
        default=None, description="The fields of `context.session` that were given."
    )
    local_time: str | None = Field(
        default=None, description="The customer's own wall clock, as it was given."
    )
    assumed: list[str] | None = Field(
        default=None, description="Of these fields, those that nobody said."
    )


class Cap(Answer):
    """A declared limit of contacts, and how many count against it."""

    of: str | None = Field(
        default=None,
        description="What is counted: `contacts`, or `channel:`, `tag:` or `action:` with a name; "
        "absent in `contacts`.",
    )
    made: int = Field(description="Contacts within the window, planned ones included.")
    limit: int = Field(description="At most so many.")
    days: float = Field(description="Length of the window in days.")


class Budget(Answer):
    """A budget's present period, over all customers."""

    budget: str = Field(description="What it pays for, and the period.")
    spent: float = Field(description="Spent in this period so far.")
    amount: float | None = Field(description="What may be spent; null where no amount is set.")
    decisions: int = Field(description="Decisions paid for in this period so far.")
    count: int | None = Field(description="How many may be; null where no number is set.")


class Standing(Answer):
    """Where the customer stood with the limits."""

    contacts: Cap | None = Field(
        default=None,
        description="The first cap across all contacts; null where none is declared.",
    )
    own_limit_per_week: float | None = Field(
        default=None, description="The customer's own limit of contacts; null where they set none."
    )
    suppressed_channels: list[str] | None = Field(
        default=None, description="Channels that feedback closed."
    )
    control_group: bool | None = Field(
        default=None,
        description="Whether the customer is in the group that is left alone; `transactional` "
        "actions are meant for them too.",
    )
    caps: list[Cap] | None = Field(
        default=None,
        description="Every declared cap of all contacts, of channels and tags; an action's own "
        "only where that action was decided before.",
    )
    budgets: list[Budget] | None = Field(default=None, description="Every declared budget.")
