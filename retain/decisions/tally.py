"""The tally of one customer's contacts: how long ago each was, under everything it counts for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import get_args

from retain.decisions.actions import Action
from retain.decisions.catalogues import Catalogue
from retain.decisions.constraints import Cap, Channel
from retain.decisions.state import Contact

Key = tuple[str, str]
"""What is counted, and of which channel, tag or action; :data:`CONTACTS` is across all."""

CONTACTS: Key = ("contacts", "")
CHANNELS = frozenset(get_args(Channel))
_NOW = timedelta(0)


class Counting:
    """What contacts count for in a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.reporting = frozenset(catalogue.config.reporting.channels)
        self.late = timedelta(hours=catalogue.config.reporting.within_hours)
        self._known: dict[tuple[str, str], tuple[Key, ...]] = {}

    def keys(self, action_id: str | None, channel: str | None) -> tuple[Key, ...]:
        """Everything that a contact by this action in this channel counts for."""
        action = self._catalogue.by_id.get(action_id or "")
        if action is None or channel is None or channel not in CHANNELS:
            return tuple(self._keys(action_id, action, channel))
        # kept only of what is declared: others may name actions and channels without end
        found = self._known.get((action.id, channel))
        if found is None:
            keys = tuple(self._keys(action_id, action, channel))
            found = self._known[action.id, channel] = keys
        return found

    def _keys(
        self, action_id: str | None, action: Action | None, channel: str | None
    ) -> Iterator[Key]:
        if action_id:
            yield "action", action_id
        if action is not None and action.transactional:
            return
        if channel:
            yield "channel", channel
        if action is None or action.is_contact:
            yield CONTACTS
        if action is not None:
            for tag in action.tags:
                yield "tag", tag


class Tally:
    """Ages of contacts by key; negative ones are planned.

    A contact of which nothing is reported counts as made this minute until it expires, for
    until then it may be. After that silence means that it was made when it was to be, or
    where the sender reports everything, that it was not made.
    """

    def __init__(self, counting: Counting, contacts: Sequence[Contact], now: datetime) -> None:
        self._counting = counting
        self._now = now
        self._contacts = contacts
        self._by_action: dict[str, Sequence[Contact]] = {}
        ages = self._ages = defaultdict[Key, list[timedelta]](list)
        for contact in contacts:
            if (age := self.age(contact)) is not None:
                for key in counting.keys(contact.action_id, contact.channel):
                    ages[key].append(age)

    def age(self, contact: Contact) -> timedelta | None:
        """How long ago it was made at the latest; None where it was not."""
        if contact.released:
            return None
        age = self._now - contact.at
        if contact.reported or contact.expires_at is None:
            return age
        counting = self._counting
        reports = contact.channel in counting.reporting
        if self._now < (contact.expires_at + counting.late if reports else contact.expires_at):
            return min(age, _NOW)
        return None if reports else age

    def counts(self, contact: Contact) -> bool:
        """Whether it was made, is planned, or may be made."""
        return self.age(contact) is not None

    def remembered(self, action_id: str) -> Sequence[Contact]:
        """The contacts of an action, released ones too."""
        found = self._by_action.get(action_id)
        if found is None:
            found = [contact for contact in self._contacts if contact.action_id == action_id]
            self._by_action[action_id] = found
        return found

    def ages(self, key: Key) -> Sequence[timedelta]:
        """How long ago what counts under ``key`` was made."""
        return self._ages.get(key, ())

    def count(self, key: Key, window: timedelta) -> int:
        """How many are later than the beginning of the ``window`` that ends now."""
        ages = self._ages.get(key)
        return sum([age < window for age in ages]) if ages else 0

    def full(self, key: Key, caps: Sequence[Cap]) -> Cap | None:
        """The first of ``caps`` that leaves no room for another."""
        held = len(self._ages.get(key, ()))
        for cap in caps:
            if held >= cap.limit and self.count(key, cap.window) >= cap.limit:
                return cap
        return None
