"""Caps and all else that limits what may be done for one customer now, once it is worth doing."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from retain.decisions import follow_ups
from retain.decisions.actions import Action, ActionConfig
from retain.decisions.budgets import BUDGET, Budgets
from retain.decisions.catalogues import Catalogue
from retain.decisions.constraints import Cap
from retain.decisions.exclusions import Exclusions
from retain.decisions.standing import DeclaredCaps, Standing
from retain.decisions.state import Contact, ContactState
from retain.decisions.tally import CONTACTS, Counting, Key, Tally

__all__ = ["Contact", "ContactState", "Limiter", "Limits"]

SUPPRESSED = "suppressed"
NOT_VALID_NOW = "not_valid_now"
CONTROL_GROUP = "control_group"
CAP_ACTION = "cap_action"
COOL_DOWN = "cool_down"
CAP_CUSTOMER = "cap_customer"
CAP_CONTACTS = "cap_contacts"
CAP_CHANNEL = "cap_channel"
CAP_TAG = "cap_tag"
WEEK = timedelta(days=7)


class Limiter:
    """What a catalogue declares about limits, made ready to be asked for many customers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.budgets = Budgets(catalogue)
        self.exclusions = Exclusions(catalogue)
        self.counting = Counting(catalogue)
        config = catalogue.config
        declared = [
            (CONTACTS, config.contact_cap),
            *((("channel", name), caps) for name, caps in config.channel_caps.items()),
            *((("tag", name), caps) for name, caps in config.tag_caps.items()),
            *((("action", action.id), action.cap) for action in catalogue.actions),
        ]
        self.declared = [
            (key, ":".join(part for part in key if part), cap)
            for key, caps in declared
            for cap in caps
        ]
        """Every cap with what it counts, and the name of that in receipts."""
        self.shared = {each.id: tuple(_shared(each, config)) for each in catalogue.actions}
        """By action, the caps it shares with others: of all contacts, its channel, its tags."""
        self.told = DeclaredCaps(
            [(of, cap.limit, cap.days) for _, of, cap in self.declared],
            sum(key[0] != "action" for key, _, _ in self.declared),
            contact_cap=bool(config.contact_cap),
        )

    def of(
        self,
        customer_id: str,
        own_per_week: float | None = None,
        redemption_cost: Callable[[int], float] | None = None,
    ) -> "Limits":
        """The limits of one customer.

        Args:
            customer_id: decides who is in the control group.
            own_per_week: the customer's own limit of contacts.
            redemption_cost: what the action at a place is expected to give away; None: nothing.
        """
        return Limits(self, customer_id, own_per_week, redemption_cost)


class Limits:
    """The limits that hold for one customer.

    Every contact later than the window's start is counted, planned ones included: no window
    of that length, whenever it starts, can then hold more than the cap.
    """

    def __init__(
        self,
        limiter: Limiter,
        customer_id: str,
        own_per_week: float | None,
        redemption_cost: Callable[[int], float] | None,
    ) -> None:
        self._limiter = limiter
        self._catalogue = limiter.catalogue
        self._config = limiter.catalogue.config
        self._customer_id = customer_id
        self._own_per_week = own_per_week
        self._redemption_cost = redemption_cost
        self._tallied: tuple[ContactState, datetime, Tally, bool] | None = None

    def forbid(
        self,
        action: Action,
        state: ContactState,
        now: datetime,
        send_at: Callable[[Action], datetime] | None = None,
    ) -> str | None:
        """The name of the limit that forbids ``action`` now, or None.

        Args:
            action: of the catalogue.
            state: the customer's.
            now: the moment.
            send_at: when an action would be carried out; None: now.
        """
        if action.channel in state.suppressed:
            return SUPPRESSED
        if action.channel == "none":
            return None
        if action.id in self._catalogue.windows and self._is_out_of_season(action, now, send_at):
            return NOT_VALID_NOW
        tally, held_out = self._tally(state, now)
        if held_out and not action.transactional:
            return CONTROL_GROUP
        why = follow_ups.forbid(action, tally, state.goals, now) or _overdone(action, tally, now)
        if why or action.transactional:
            return why
        if action.id in state.exhausted:
            return BUDGET
        return (
            self._limiter.exclusions.forbid(action, tally, now)
            or self._capped(action, tally)
            or self._limiter.budgets.forbid(action, state.spent, self._cost, now)
        )

    def as_json(self, state: ContactState, now: datetime) -> dict[str, Any]:
        """Where the customer stands, for the receipt."""
        return self.standing(state, now).as_json(self._limiter.told)

    def standing(self, state: ContactState, now: datetime) -> Standing:
        """Where the customer stands."""
        tally, held_out = self._tally(state, now)
        made = [
            number
            for place, (key, _, cap) in enumerate(self._limiter.declared if state.contacts else ())
            if tally.ages(key)
            for number in (place, tally.count(key, cap.window))
        ]
        return Standing(
            self._own_per_week,
            sorted(state.suppressed),
            held_out,
            made,
            self._limiter.budgets.as_json(state.spent, now),
        )

    def _capped(self, action: Action, tally: Tally) -> str | None:
        own = self._own_per_week
        if own is not None and action.is_contact and tally.count(CONTACTS, WEEK) >= own:
            return CAP_CUSTOMER
        for why, key, caps in self._limiter.shared[action.id]:
            if tally.full(key, caps):
                return why
        return None

    def _is_out_of_season(
        self, action: Action, now: datetime, send_at: Callable[[Action], datetime] | None
    ) -> bool:
        begin, end = self._catalogue.windows[action.id]
        return now < begin or (now if send_at is None else send_at(action)) >= end

    def _cost(self, action: Action) -> float:
        if self._redemption_cost is None:
            return action.contact_cost
        redemption = self._redemption_cost(self._catalogue.places[action.id])
        return action.contact_cost + (redemption if isfinite(redemption) else 0.0)

    def _tally(self, state: ContactState, now: datetime) -> tuple[Tally, bool]:
        # asked again for every action of the catalogue: counted once
        known = self._tallied
        if known is None or known[0] is not state or known[1] != now:
            group = self._config.control_group
            held_out = group is not None and group.holds(
                self._customer_id, now.astimezone(self._config.zone)
            )
            tally = Tally(self._limiter.counting, state.contacts, now)
            known = self._tallied = (state, now, tally, held_out)
        return known[2], known[3]


def _shared(action: Action, config: ActionConfig) -> Iterator[tuple[str, Key, Sequence[Cap]]]:
    if action.is_contact and config.contact_cap:
        yield CAP_CONTACTS, CONTACTS, config.contact_cap
    if caps := config.channel_caps.get(action.channel):
        yield CAP_CHANNEL, ("channel", action.channel), caps
    for tag in action.tags:
        if caps := config.tag_caps.get(tag):
            yield CAP_TAG, ("tag", tag), caps


def _overdone(action: Action, tally: Tally, now: datetime) -> str | None:
    """What of the action itself forbids it: done too often, or resting after an outcome."""
    if action.cap and tally.full(("action", action.id), action.cap):
        return CAP_ACTION
    for rest in action.cool_down:
        for contact in tally.remembered(action.id):
            times = (contact.happened(outcome) for outcome in rest.after)
            if any(at is not None and now - at < timedelta(days=rest.days) for at in times):
                return COOL_DOWN
    return None
