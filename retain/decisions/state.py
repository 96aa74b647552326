"""What is known of one customer's contacts when a decision is made."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

NOTHING_HAPPENED: Mapping[str, datetime] = {}
_EVIDENCE = {
    "delivered": ("delivered", "opened", "clicked", "complained", "unsubscribed"),
    "shown": ("shown", "clicked", "dismissed"),
    "opened": ("opened", "clicked"),
}
"""Outcomes that could not be without another: who clicks has opened."""
_REACHED = frozenset(
    {"delivered", "shown", "opened", "clicked", "dismissed", "complained", "unsubscribed"}
)
_REPORTS = _REACHED | {"sent"}


def is_released(outcomes: Collection[str]) -> bool:
    """Whether a contact with these outcomes, told in any order, did not take place."""
    if not _REACHED.isdisjoint(outcomes):
        return False
    return "bounced" in outcomes or ("not_sent" in outcomes and "sent" not in outcomes)


def is_reported(outcomes: Collection[str]) -> bool:
    """Whether one of these outcomes says that the contact was made."""
    return not _REPORTS.isdisjoint(outcomes)


def sent_at(outcomes: Mapping[str, datetime]) -> datetime | None:
    """When it was sent; where only what came of it was told, the first of that: no later."""
    if (told := outcomes.get("sent")) is not None:
        return told
    return min((at for name, at in outcomes.items() if name in _REACHED), default=None)


class Spent(NamedTuple):
    """What a budget has paid for in one period: millionths of money, and decisions."""

    micros: int = 0
    decisions: int = 0


class Contact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One contact that was, will or may be made; what is unknown of a foreign one is None.

    Attributes:
        at: when it was sent; where that was not reported, when it is to be.
        expires_at: until when it may be made while nothing is reported of it.
        reported: whether anything says that it was made.
        released: whether it was said not to have reached the customer.
        made_at: when it was decided.
        outcomes: when each of them first happened.
    """

    at: datetime
    channel: str | None
    action_id: str | None
    expires_at: datetime | None = None
    reported: bool = True
    released: bool = False
    made_at: datetime | None = None
    outcomes: Mapping[str, datetime] = NOTHING_HAPPENED

    @property
    def decided_at(self) -> datetime:
        """When it was decided, or sent by others."""
        return self.made_at or self.at

    def happened(self, outcome: str) -> datetime | None:
        """When ``outcome`` first happened, or what could not be without it."""
        if not self.outcomes:
            return None
        times = (self.outcomes.get(each) for each in _EVIDENCE.get(outcome, (outcome,)))
        return min((time for time in times if time is not None), default=None)


class ContactState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What constraints are counted over, for one customer.

    Attributes:
        contacts: within a year, planned and released ones included.
        suppressed: channels closed by feedback.
        goals: the last time of each event that is a goal of an action.
        spent: of budgets in their present periods, by key; the same for everybody.
        exhausted: actions whose budget somebody else took the last of meanwhile.
    """

    contacts: tuple[Contact, ...] = ()
    suppressed: frozenset[str] = frozenset()
    goals: Mapping[str, datetime] = {}
    spent: Mapping[str, Spent] = {}
    exhausted: frozenset[str] = frozenset()
