"""A candidate: one action for one customer, with what it would bring and when."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from retain.clock import iso
from retain.decisions.actions import Action, Treatment

PROPENSITY = 1.0
"""The policy is deterministic: what it returned it would always have returned."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the score is made of; None where it cannot be known.

    ``expected_value = (uplift * value * margin - contact_cost - redemption_cost) * lever``

    Attributes:
        basis: ``model`` where the uplift is a response model's, ``prior`` where it is the
            catalogue's.
        conversion: probability of conversion with the action.
        uplift: what the action adds to that probability.
        value: worth of one conversion in the customer's currency, before margin.
    """

    basis: Literal["model", "prior"]
    conversion: float | None
    uplift: float | None
    value: float | None
    margin: float
    contact_cost: float
    redemption_cost: float | None
    lever: float
    expected_value: float | None

    def as_json(self) -> dict[str, Any]:
        """As receipts and ``/rank`` show them."""
        return {name: getattr(self, name) for name in _TERMS}


_TERMS = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One action for one customer; ``removed_by`` names the rule that removed it, if any."""

    action: Action
    treatment: Treatment
    terms: Terms
    items: tuple[str, ...]
    send_at: datetime
    removed_by: str | None = None

    @property
    def expires_at(self) -> datetime:
        """When the action has lost its point."""
        return self.send_at + timedelta(hours=self.action.valid_hours)

    def as_action(self) -> dict[str, Any]:
        """The fields of an action in ``next_best_action``, and in ``/rank`` with its terms."""
        return {
            "action_id": self.action.id,
            "channel": self.action.channel,
            "treatment": self.treatment.name,
            "tone": self.action.tone,
            "content_type": self.action.content_type,
            "items": list(self.items),
            "send_at": iso(self.send_at),
            "expires_at": iso(self.expires_at),
            "score": self.terms.expected_value,
            "propensity": PROPENSITY,
        }

    def as_ranked(self) -> dict[str, Any]:
        """An entry of ``/rank``'s ``actions``."""
        return {**self.as_action(), "terms": self.terms.as_json()}

    def as_receipt(self) -> dict[str, Any]:
        """An entry of a receipt's ``candidates``."""
        return {
            "action_id": self.action.id,
            "treatment": self.treatment.name,
            "terms": self.terms.as_json(),
            "removed_by": self.removed_by,
        }
