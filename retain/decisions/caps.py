"""Caps: how often a customer may be contacted, counted over the contacts already made."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from retain.decisions.actions import Action, Cap, Catalogue

CAP_CONTACTS = "cap_contacts"
CAP_CUSTOMER = "cap_customer"
CAP_CHANNEL = "cap_channel"
CAP_ACTION = "cap_action"
SUPPRESSED = "suppressed"
WEEK_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class Contact:
    """One message that was or will be sent; what is unknown of a foreign one is None."""

    at: datetime
    channel: str | None
    action_id: str | None


@dataclass(frozen=True, slots=True)
class ContactState:
    """What caps are counted over, for one customer."""

    contacts: tuple[Contact, ...] = ()
    suppressed: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps that hold for one customer.

    Every contact later than the window's start is counted, planned ones included: no window
    of that length, whenever it starts, can then hold more than the cap.
    """

    catalogue: Catalogue
    own_per_week: float | None

    def forbid(self, action: Action, state: ContactState, now: datetime) -> str | None:
        """The name of the cap that forbids ``action`` now, or None."""
        if action.channel in state.suppressed:
            return SUPPRESSED
        if action.transactional or action.channel == "none":
            return None
        config = self.catalogue.config
        if action.cap and self._full(action.cap, state, now, action_id=action.id):
            return CAP_ACTION
        if not action.is_contact:
            return None
        if (own := self.own_per_week) is not None and self._count(state, now, WEEK_DAYS) >= own:
            return CAP_CUSTOMER
        if self._full(config.contact_cap, state, now):
            return CAP_CONTACTS
        cap = config.channel_caps.get(action.channel)
        if cap and self._full(cap, state, now, channel=action.channel):
            return CAP_CHANNEL
        return None

    def as_json(self, state: ContactState, now: datetime) -> dict[str, Any]:
        """Where the customer stands, for the receipt."""
        cap = self.catalogue.config.contact_cap
        return {
            "contacts": {
                "made": self._count(state, now, cap.days),
                "limit": cap.limit,
                "days": cap.days,
            },
            "own_limit_per_week": self.own_per_week,
            "suppressed_channels": sorted(state.suppressed),
        }

    def _full(self, cap: Cap, state: ContactState, now: datetime, **only: str) -> bool:
        return self._count(state, now, cap.days, **only) >= cap.limit

    def _count(
        self,
        state: ContactState,
        now: datetime,
        days: float,
        channel: str | None = None,
        action_id: str | None = None,
    ) -> int:
        since = now - timedelta(days=days)
        return sum(
            contact.at > since
            and (channel is None or contact.channel == channel)
            and (contact.action_id == action_id if action_id else self._counts(contact))
            for contact in state.contacts
        )

    def _counts(self, contact: Contact) -> bool:
        action = self.catalogue.by_id.get(contact.action_id or "")
        return action is None or (action.is_contact and not action.transactional)
