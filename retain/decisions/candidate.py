"""A candidate: one action for one customer, with what it would bring and when."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from retain.clock import iso
from retain.decisions.actions import Action, Treatment
from retain.decisions.terms import Terms

__all__ = ["Candidate", "Terms"]


# one is made for every answer, and a frozen one takes twice as long to make
@dataclass(slots=True)
class Candidate:
    """One action for one customer; ``removed_by`` names the rule that removed it, if any.

    Attributes:
        propensity: how likely the policy was to choose it, among those no rule removed.
        spread: standard deviation of what is believed of the expected value, where the policy
            asks for it.
        is_new: whether it has too few outcomes to know what it brings, where the policy asks.
        ends_at: when the action as such is over, if it ever is.
        rank: its place among those the policy chose from, where it explores; 0 is the best.
        shared: the part of ``spread`` that every action shares: of the outcome without it.
    """

    action: Action
    treatment: Treatment
    terms: Terms
    items_of: Callable[[], tuple[str, ...]] = field(compare=False, repr=False)
    send_time_of: Callable[[Action], datetime] = field(compare=False, repr=False)
    removed_by: str | None = None
    propensity: float = 1.0
    spread: float | None = None
    is_new: bool = False
    ends_at: datetime | None = None
    rank: int | None = None
    shared: float = 0.0

    @property
    def items(self) -> tuple[str, ...]:
        """Product ids to show, the best first."""
        return self.items_of()

    @property
    def send_at(self) -> datetime:
        """When to carry it out."""
        return self.send_time_of(self.action)

    @property
    def expires_at(self) -> datetime:
        """When the action has lost its point."""
        after = self.send_at + timedelta(hours=self.action.valid_hours)
        return after if self.ends_at is None else min(after, self.ends_at)

    def as_action(self) -> dict[str, Any]:
        """The fields of an action in ``next_best_action``, and in ``/rank`` with its terms."""
        action = self.action
        return {
            "action_id": action.id,
            "channel": action.channel,
            "treatment": self.treatment.name,
            "tone": action.tone,
            "content_type": action.content_type,
            "items": list(self.items),
            "send_at": iso(self.send_at),
            "expires_at": iso(self.expires_at),
            "score": self.terms.expected_value,
            "propensity": self.propensity,
        }

    def as_ranked(self) -> dict[str, Any]:
        """An entry of ``/rank``'s ``actions``."""
        return {**self.as_action(), "terms": self.terms.as_json()}

    def as_receipt(self) -> dict[str, Any]:
        """An entry of a receipt's ``candidates``."""
        believed: dict[str, Any] = {}
        if self.rank is not None:
            believed = {
                "rank": self.rank,
                "spread": self.spread,
                "shared": self.shared,
                "new": self.is_new,
            }
        return {
            "action_id": self.action.id,
            "treatment": self.treatment.name,
            "terms": self.terms.as_json(),
            "removed_by": self.removed_by,
            "propensity": self.propensity,
            **believed,
        }
